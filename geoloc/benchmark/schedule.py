"""Train jobs, several at a time, and say how far they are."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import geoloc
from geoloc.benchmark.job import Job
from geoloc.benchmark.train_job import TAKEN

LOG = "train.log"
POLL_S = 0.5
RETRY_S = 10.0

Report = Callable[[Job, str], None]
"""Called with a job and its state, whenever that changes: ``running``, ``waiting``, ``done``,
``failed`` or ``epoch n of m``."""


def train_jobs(jobs: Sequence[Job], processes: int, report: Report) -> list[Job]:
    """Train what is not done, each job in a process of its own.

    A job whose process was killed goes on from its last checkpoint. One that another process
    trains is waited for. When a job fails the others go on. If this call is interrupted, the
    processes end.

    Args:
        jobs: In the order to start them.
        processes: How many to train at a time; they share the cores.
        report: Told about every change.

    Returns:
        The jobs that failed; the last line of ``train.log`` in their folders says why.
    """
    waiting = [(0.0, job) for job in jobs if not job.is_done()]
    threads = max(1, (os.cpu_count() or 1) // max(1, min(processes, len(waiting))))
    running: dict[subprocess.Popen[bytes], Job] = {}
    states: dict[Path, str] = {}
    failed: list[Job] = []

    def tell(job: Job, state: str) -> None:
        if states.get(job.folder) != state:
            states[job.folder] = state
            report(job, state)

    for job in jobs:
        tell(job, "done" if job.is_done() else "to do")
    try:
        while waiting or running:
            ready = [item for item in waiting if item[0] <= time.monotonic()]
            for item in ready[: processes - len(running)]:
                waiting.remove(item)
                running[_start(item[1], threads)] = item[1]
                tell(item[1], "running")
            time.sleep(POLL_S)
            for process, job in list(running.items()):
                status = process.poll()
                if status is None:
                    tell(job, _progress(job))
                    continue
                del running[process]
                if status == TAKEN:
                    waiting.append((time.monotonic() + RETRY_S, job))
                    tell(job, "waiting for another process")
                elif status == 0 and job.is_done():
                    tell(job, "done")
                else:
                    failed.append(job)
                    tell(job, "failed")
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
    return failed


def last_line(job: Job) -> str:
    """Return the last line of a job's log."""
    log = job.folder / LOG
    lines = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
    return lines[-1] if lines else "it wrote nothing"


def _start(job: Job, threads: int) -> subprocess.Popen[bytes]:
    arguments = [str(job.write_config()), str(job.result), str(job.seed), *job.key, *job.products]
    with (job.folder / LOG).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "geoloc.benchmark.train_job", *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment(threads),
        )


def environment(threads: int) -> dict[str, str]:
    """Return the variables of a process that trains with the package that this one uses.

    Without them Python takes the package that lies in the current folder, such as another checkout
    (on Python 3.10 it still does).

    Args:
        threads: Number of its threads.
    """
    paths = [str(Path(geoloc.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        # a thread that spins while it waits takes the core of another run
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONSAFEPATH": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }


def _progress(job: Job) -> str:
    for log in sorted(job.folder.glob("*/vis_data/scalars.json"), reverse=True):
        for line in reversed(log.read_text().splitlines()):  # an evaluation's has no epoch
            if found := re.search(r'"epoch": (\d+)', line):
                return f"epoch {found[1]} of {job.epochs}"
    return "running"
