import io
from pathlib import Path

from mmengine.config import Config
from rich.console import Console

from geoloc.benchmark.job import Job, Key
from geoloc.benchmark.progress import Progress


def job(name: str, seed: int) -> Job:
    return Job(name, seed, Path(name), Path(name), Config(), Key("", "", ""), 5)


def follow(terminal: bool) -> str:
    jobs = [job(name, seed) for seed in (0, 1) for name in ("dycl", "csl")]
    stream = io.StringIO()
    with Progress(jobs, Console(file=stream, force_terminal=terminal, width=80)) as progress:
        for each in jobs:
            progress(each, "to do")
        progress(jobs[0], "running")
        progress(jobs[0], "epoch 3 of 5")
        progress(jobs[0], "done")
        progress(jobs[3], "failed")
    return stream.getvalue()


def test_without_a_terminal_every_change_is_a_line() -> None:
    assert follow(terminal=False).splitlines() == [
        "dycl seed 0: running (0 of 4 done)",
        "dycl seed 0: done (1 of 4 done)",
        "csl seed 1: failed (1 of 4 done)",
    ]


def test_a_terminal_shows_a_row_per_method_and_a_column_per_seed() -> None:
    last = follow(terminal=True).rpartition("seed 0")[2]
    assert [line.split("│")[2:4] for line in last.splitlines() if "csl" in line] == [
        [" to do  ", " failed "]
    ]
