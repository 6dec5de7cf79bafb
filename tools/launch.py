"""torchrun, which says in one sentence what ended the processes that it started."""

import os
import signal
import sys

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

from geoloc.engine.launch import LAUNCHER


def sentence(error: ChildFailedError) -> str:
    """Return what the first failure was, and what to do."""
    rank, failure = error.get_first_failure()
    lost = failure.exitcode < 0
    how = (
        f"was killed by {signal.Signals(-failure.exitcode).name} (memory may have run out)"
        if lost
        else f"ended with status {failure.exitcode}; its message is above"
    )
    return (
        f"process {rank} (pid {failure.pid}) {how}. The others were ended; to go on from the last "
        "checkpoint, repeat the command with --resume"
    )


if __name__ == "__main__":
    os.environ[LAUNCHER] = str(os.getpid())
    try:
        main()
    except ChildFailedError as error:
        sys.exit(sentence(error))
