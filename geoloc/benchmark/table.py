"""A table of methods: our numbers over seeds, the published ones beside them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from geoloc.benchmark.statistics import Estimate, RankCorrelation, rank_correlation

COST = "cost"  # the task of the columns that tell what a network costs: less is better


class Column(NamedTuple):
    """What one column of a table shows.

    Attributes:
        task: Direction, such as ``drone->satellite``, a dataset, or ``COST``.
        metric: Name in ``metrics.json``, such as ``H-AP`` or ``mAP/small``.
    """

    task: str
    metric: str


class Row(NamedTuple):
    """One method.

    Attributes:
        method: Its name in the paper's table.
        group: Part of the table that it stands in, such as ``multi-scale``.
        page: Path of its page in the repository, such as ``configs/dycl``.
        ours: Our numbers in percent; a column without results is missing here.
        paper: The published numbers in percent; likewise.
        runs: What is known about the runs behind ``ours``, one record per seed: ``seed``,
            ``geoloc_version``, ``wall_s``, ``peak_memory_mb``, ``hardware``, ``command``.
    """

    method: str
    group: str
    page: str
    ours: Mapping[Column, Estimate]
    paper: Mapping[Column, float]
    runs: Sequence[Mapping[str, Any]]


class Table(NamedTuple):
    """A suite's result.

    Attributes:
        name: Name of the suite, such as ``dycl-table2``.
        title: What it shows, one line.
        data: What ours was measured on, such as ``CampusWorld-mini (0123456789ab)``.
        paper: Source of the published numbers, and their data.
        columns: In the order of the paper.
        rows: In the order of the paper.
    """

    name: str
    title: str
    data: str
    paper: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def is_published(self) -> bool:
        """Whether there is anything to compare with."""
        return any(row.paper for row in self.rows)

    def ranked(self, column: Column) -> list[Row]:
        """Return the rows with a result in a column, best first."""
        present = [row for row in self.rows if column in row.ours]
        most_first = column.task != COST
        return sorted(present, key=lambda row: row.ours[column].mean, reverse=most_first)

    def agreement(self, column: Column) -> RankCorrelation:
        """Return how alike our ordering of the methods and the published one are."""
        both = [row for row in self.rows if column in row.ours and column in row.paper]
        return rank_correlation(
            [row.ours[column].mean for row in both], [row.paper[column] for row in both]
        )
