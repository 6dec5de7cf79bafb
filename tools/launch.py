"""torchrun, which starts lost processes again and says in one sentence what was lost.

Every attempt is a torchrun of its own that meets at a port of its own: torchrun's own restarts let
new processes meet what is left of the lost ones at the port that all attempts share.
"""

import os
import signal
import sys
import time
from argparse import Namespace
from pathlib import Path

from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.run import get_args_parser, run

from geoloc.engine.launch import LAUNCH_TIME, LAUNCHER

GO_ON = "to go on from the last checkpoint, repeat the command with --resume"


def main() -> None:
    """Run with the arguments of torchrun; a signal to this process ends everything."""
    arguments = get_args_parser().parse_args()
    if arguments.max_restarts < 0:
        sys.exit(f"MAX_RESTARTS={arguments.max_restarts} must be 0 or more")
    os.environ |= {LAUNCHER: str(os.getpid()), LAUNCH_TIME: str(time.time())}
    try:
        launch(arguments)
    except SignalException as stop:
        sys.exit(f"stopped by {stop.sigval.name}; {GO_ON}")


def launch(arguments: Namespace) -> None:
    """Start processes, again and again while some are lost and restarts are left."""
    restarts = arguments.max_restarts
    for number in range(restarts + 1):
        failures = failures_of(attempt(arguments, number))
        if not failures:
            return
        lost = f"{sentence(*first_failure(failures))}. The others were ended"
        if number == restarts or any(map(ended_itself, failures.values())):
            sys.exit(f"{lost}; {GO_ON}")
        if has_children():
            sys.exit(f"{lost} but for one that SIGKILL does not end. When it is gone, {GO_ON}")
        print(
            f"{lost}; restart {number + 1} of {restarts} goes on from the last checkpoint, or "
            "begins again where none was written yet",
            file=sys.stderr,
        )


def attempt(arguments: Namespace, number: int) -> Namespace:
    """Return the arguments of the torchrun of an attempt; the first has number 0."""
    port = arguments.master_port + number
    return Namespace(**{**vars(arguments), "master_port": port, "max_restarts": 0})


def failures_of(arguments: Namespace) -> dict[int, ProcessFailure]:
    """Run torchrun to its end, and return the processes that failed by their rank."""
    # The handlers of the attempt before would not be called while the store waits for other nodes.
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        run(arguments)  # type: ignore[no-untyped-call]
    except ChildFailedError as error:
        return error.failures  # it would keep the store open, where other nodes wait for the lost
    except RuntimeError as error:  # of the store
        sys.exit(
            f"node {arguments.node_rank} did not meet the others at {arguments.master_addr}:"
            f"{arguments.master_port}: {str(error).splitlines()[0]}"
        )
    return {}


def first_failure(failures: dict[int, ProcessFailure]) -> tuple[int, ProcessFailure]:
    """Return the process that failed first, and its rank.

    Within a second its others may have failed of its loss, or been ended by torchrun (SIGTERM).
    """

    def order(item: tuple[int, ProcessFailure]) -> tuple[bool, int, bool, bool]:
        failure = item[1]
        was_ended = failure.exitcode == -signal.SIGTERM
        return not ended_itself(failure), failure.timestamp, was_ended, failure.exitcode >= 0

    return min(failures.items(), key=order)


def ended_itself(failure: ProcessFailure) -> bool:
    """Return whether a process ended with a message, which it would end with again."""
    return Path(failure.error_file).is_file()


def sentence(rank: int, failure: ProcessFailure) -> str:
    """Return how a process was lost."""
    process = f"process {rank} (pid {failure.pid})"
    if failure.exitcode >= 0:
        return f"{process} ended with status {failure.exitcode}; its message is above"
    if ended_itself(failure):
        return f"{process} ended; its message is above"
    name = signal.Signals(-failure.exitcode).name
    return f"{process} was killed by {name} (memory may have run out)"


def has_children() -> bool:
    """Return whether a process is left of those that this one started."""
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False


if __name__ == "__main__":
    main()
