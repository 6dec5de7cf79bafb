"""A suite's table from the files that its runs left."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from geoloc.benchmark.job import RECORD
from geoloc.benchmark.statistics import estimate
from geoloc.benchmark.suite import Entry, Suite
from geoloc.benchmark.table import Row, Table
from geoloc.errors import DatasetError
from geoloc.evaluation.results import read_json

Result = Mapping[str, Any]
Published = Mapping[str, Mapping[str, Mapping[str, float]]]  # method -> task -> metric


def read_published(path: Path, data: str) -> tuple[str, Published]:
    """Return the source of a table's published numbers, and the numbers in percent.

    Args:
        path: ``paper_results.json``.
        data: Name of the data.

    Raises:
        DatasetError: If the file has no table of that data.
    """
    for table in read_json(path)["tables"]:
        if table["data"] == data:
            return f"{table['source']}, on {data}", table["results"]
    raise DatasetError(f"{path} has no table of {data}")


def collect(
    name: str, suite: Suite, folder: Path, seeds: int | None, paper: tuple[str, Published]
) -> Table:
    """Read all finished runs of a suite.

    Args:
        name: Name of the suite.
        suite: The suite.
        folder: Folder with ``<run>/seed<k>/metrics.json``, and beside each ``run.json``.
        seeds: Only the seeds 0 .. seeds - 1; None for all that are there.
        paper: Source and numbers, from ``read_published``.

    Raises:
        DatasetError: If two runs were evaluated on different data.
    """
    source, published = paper
    results = {entry.run: list(_results(folder / entry.run, seeds)) for entry in suite.entries}
    data = {_data_of(result) for each in results.values() for result in each}
    if len(data) > 1:
        raise DatasetError(
            f"{folder} holds runs on different data ({', '.join(sorted(data))}); a table compares "
            "runs on the same"
        )
    rows = tuple(
        _row(entry, suite, results[entry.run], published.get(_name_in_paper(entry), {}))
        for entry in suite.entries
    )
    return Table(name, suite.title, next(iter(data), ""), source, suite.columns, rows)


def _name_in_paper(entry: Entry) -> str:
    return entry.method if entry.paper is None else entry.paper


def _results(folder: Path, seeds: int | None) -> Iterator[Result]:
    found = {int(path.name.removeprefix("seed")): path for path in folder.glob("seed*")}
    for seed, run in sorted(found.items()):
        if (seeds is None or seed < seeds) and (run / RECORD).is_file():
            yield {**read_json(run / "metrics.json"), "run": read_json(run / RECORD)}


def _data_of(result: Result) -> str:
    protocol = result["protocol"]
    return f"{protocol['dataset']} ({protocol['fingerprint']})"


def _row(
    entry: Entry,
    suite: Suite,
    results: Sequence[Result],
    published: Mapping[str, Mapping[str, float]],
) -> Row:
    ours, paper = {}, {}
    for column in suite.columns:
        task, metric = entry.source(column)
        values = [result[task][metric] for result in results if metric in result.get(task, {})]
        if values:
            ours[column] = estimate(values)
        if metric in published.get(column.task, {}):
            paper[column] = published[column.task][metric]
    runs = [{**result["run"], "geoloc_version": result["geoloc_version"]} for result in results]
    return Row(entry.method, entry.group, f"configs/{entry.folder}", ours, paper, runs)
