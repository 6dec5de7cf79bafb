"""The curves of a suite, from its table and from the products of its runs."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from geoloc.benchmark.collect import seed_folders
from geoloc.benchmark.job import RECORD, product_file
from geoloc.benchmark.labels import task_label
from geoloc.benchmark.statistics import Estimate, estimate
from geoloc.benchmark.suite import Suite
from geoloc.benchmark.table import Column, Table
from geoloc.evaluation.results import read_json

Series = Mapping[str, Sequence[tuple[float, Estimate]]]


class Curves(NamedTuple):
    """A figure of curves.

    Attributes:
        name: Of its files.
        title: What it shows.
        x_label: What the axis is.
        y_label: What was estimated.
        series: Points by the name of their line.
        x_log: Whether the axis is logarithmic.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    series: Series
    x_log: bool = False


def curves_of(suite: Suite, table: Table, folder: Path, seeds: int | None) -> list[Curves]:
    """Return the figures of a suite that have points.

    Args:
        suite: The suite.
        table: Its table.
        folder: Folder of the results, as for ``collect``.
        seeds: Only the seeds 0 .. seeds - 1; None for all that are there.
    """
    figures = list(_ablations(suite, table))
    if "distance" in suite.products:
        figures += _distances(suite, folder, seeds)
    if "position_shift" in suite.products:
        figures.append(_position_shift(suite, folder, seeds))
    return [figure for figure in figures if any(figure.series.values())]


def _ablations(suite: Suite, table: Table) -> Iterator[Curves]:
    """Yield the metrics against the number that the rows of a group vary, per task."""
    values = {entry.method: entry.value for entry in suite.entries if entry.value is not None}
    groups = dict.fromkeys(row.group for row in table.rows if row.method in values)
    for group in groups:
        rows = [row for row in table.rows if row.group == group]
        for task in suite.tasks:
            series = {
                metric: [
                    (values[row.method], row.ours[column])
                    for column in [Column(task, metric)]
                    for row in rows
                    if column in row.ours
                ]
                for metric in suite.metrics
            }
            name = f"{group}-{task.replace('->', '-to-')}"
            yield Curves(name, f"{task_label(task)}: {group}", group, "percent", series, True)


def _distances(suite: Suite, folder: Path, seeds: int | None) -> Iterator[Curves]:
    methods = {entry.run: entry.method for entry in suite.entries if not entry.ranking}
    contents = {
        method: _contents(folder / run, "distance", seeds) for run, method in methods.items()
    }
    figures = {
        "mean_ap": ("radius", "mAP, all images within the radius being relevant"),
        "within": ("error", "queries whose first result lies within the radius"),
    }
    for task in suite.tasks:
        for key, (name, title) in figures.items():
            series = {
                method: _mean_points([each[task] for each in found], "radius_m", key)
                for method, found in contents.items()
                if found
            }
            yield Curves(
                f"{name}-{task.replace('->', '-to-')}",
                f"{task_label(task)}: {title}",
                "radius (m)",
                "percent",
                series,
            )


def _position_shift(suite: Suite, folder: Path, seeds: int | None) -> Curves:
    by_k1: dict[int, list[Mapping[str, Any]]] = {}
    for content in _contents(folder / suite.entries[0].run, "position_shift", seeds):
        for shift in content:
            by_k1.setdefault(shift["k1"], []).append(shift)
    series = {
        f"k1 = {k1} (Kendall's tau {estimate([each['kendall'] for each in found]).mean:.3f})": (
            _mean_points(found, "position", "shift")
        )
        for k1, found in sorted(by_k1.items())
    }
    return Curves(
        "position-shift",
        "Where re-ranking moves the training images",
        "position before re-ranking",
        "mean shift (positions)",
        series,
        x_log=True,
    )


def _contents(run: Path, product: str, seeds: int | None) -> list[Any]:
    """Return a product of every seed, where it is of the run whose metrics lie beside it."""
    found = []
    for folder in seed_folders(run, seeds):
        file = product_file(folder, product)
        content = read_json(file) if file.is_file() else {}
        if content and content.get("key") == read_json(folder / RECORD).get("key"):
            found.append(content["content"])
    return found


def _mean_points(
    found: Sequence[Mapping[str, Any]], x: str, y: str
) -> list[tuple[float, Estimate]]:
    """Return the estimate at every place where all seeds have a value."""
    columns = zip(*(each[y] for each in found), strict=True)
    return [
        (place, estimate(values))
        for place, values in zip(found[0][x], columns, strict=True)
        if None not in values
    ]
