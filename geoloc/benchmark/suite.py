"""What a benchmark table consists of: methods, metrics, and where the published numbers are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from geoloc.benchmark.table import COST, Column


@dataclass(frozen=True)
class Entry:
    """One row.

    Attributes:
        method: Its name.
        group: Part of the table.
        folder: Folder below ``configs``, which begins the names of its configs too.
        options: What differs from the config, by dotted key.
        ranking: The re-ranking whose results the row shows; empty for the plain ranking.
        paper: Name of the method in the paper's table, if it is another one; empty if the paper
            prints no numbers.
        value: What the rows of its group vary, the axis of their curves; None in other tables.
    """

    method: str
    group: str
    folder: str
    options: Mapping[str, Any] = field(default_factory=dict)
    ranking: str = ""
    paper: str | None = None
    value: float | None = None

    @property
    def run(self) -> str:
        """Name of the runs that the row needs; rows of one run differ in their ranking only."""
        changes = [
            f"{key.removeprefix('model.').removeprefix('losses.')}={self.options[key]}"
            for key in self.options
        ]
        return ",".join([self.folder, *changes])


class Origin(NamedTuple):
    """Where a number of a table comes from.

    Attributes:
        run: Name of the runs.
        task: Task in their ``metrics.json``.
        metric: Metric of that task.
    """

    run: str
    task: str
    metric: str


@dataclass(frozen=True)
class Suite:
    """One table.

    Attributes:
        title: What it shows, in one line.
        paper_data: The tables of the published numbers, by ``name`` or else ``data`` in
            ``paper_results.json``.
        entries: Its rows, in the order of the paper.
        tasks: Directions.
        metrics: Metrics of each task.
        subsets: Where the tasks are datasets and every one is trained on for itself: what ends the
            names of its configs.
        subset_task: What the table shows of the runs of a subset, a task in their results.
        other_tasks: Where it shows something else, by the column's task: a task or product.
        products: What is computed from every run beside its metrics (see ``product.py``).
        costs: What the networks cost at the size of the papers, in columns before the metrics (see
            ``cost.py``).
    """

    title: str
    paper_data: tuple[str, ...]
    entries: tuple[Entry, ...]
    tasks: tuple[str, ...]
    metrics: tuple[str, ...]
    subsets: Mapping[str, str] = field(default_factory=dict)
    subset_task: str = "overall"
    other_tasks: Mapping[str, str] = field(default_factory=dict)
    products: tuple[str, ...] = ()
    costs: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        """The costs, then every metric of every direction."""
        costs = tuple(Column(COST, name) for name in self.costs)
        return costs + tuple(Column(task, name) for task in self.tasks for name in self.metrics)

    def runs(self) -> dict[str, tuple[Entry, str]]:
        """Return what to train, by its name: a row that stands for it, and the subset."""
        return {
            entry.run + subset: (entry, subset)
            for subset in self.subsets.values() or ("",)
            for entry in self.entries
        }

    def origin(self, entry: Entry, column: Column) -> Origin:
        """Return where the number of a row in a column comes from, unless it is a cost."""
        subset = self.subsets.get(column.task, "")
        own = self.subset_task if subset else column.task
        task = self.other_tasks.get(column.task, own)
        if entry.ranking:
            task += f" [{entry.ranking}]"
        return Origin(entry.run + subset, task, column.metric)
