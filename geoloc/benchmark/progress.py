"""The state of all jobs on the terminal."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from geoloc.benchmark.job import Job


class Progress:
    """A table of runs and seeds that follows the jobs; lines where there is no terminal.

    Args:
        jobs: All of them.
        console: Where to write.
    """

    def __init__(self, jobs: Sequence[Job], console: Console | None = None) -> None:
        self.console = console or Console()
        self.names = list(dict.fromkeys(job.name for job in jobs))
        self.seeds = sorted({job.seed for job in jobs})
        self.states: dict[tuple[str, int], str] = {}
        self.live = Live(console=self.console, get_renderable=self._table, refresh_per_second=2)

    def __enter__(self) -> "Progress":
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self.console.is_terminal:
            self.live.stop()

    def __call__(self, job: Job, state: str) -> None:
        """Show the new state of a job."""
        self.states[job.name, job.seed] = state
        if not self.console.is_terminal and not state.startswith(("epoch", "to do")):
            done = sum(state == "done" for state in self.states.values())
            total = len(self.names) * len(self.seeds)
            self.console.print(f"{job.name} seed {job.seed}: {state} ({done} of {total} done)")

    def _table(self) -> Table:
        table = Table("run", *(f"seed {seed}" for seed in self.seeds))
        for name in self.names:
            table.add_row(name, *(self.states.get((name, seed), "") for seed in self.seeds))
        return table
