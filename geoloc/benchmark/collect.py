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


def read_published(path: Path, data: Sequence[str]) -> tuple[str, Published]:
    """Return the source of a table's published numbers, and the numbers in percent.

    Args:
        path: ``paper_results.json``.
        data: Names of the data, one or more of a single source.

    Raises:
        DatasetError: If the file has no table of that data.
    """
    tables = {table["data"]: table for table in read_json(path)["tables"]}
    if unknown := [name for name in data if name not in tables]:
        raise DatasetError(f"{path} has no table of {', '.join(unknown)}")
    published: dict[str, dict[str, Mapping[str, float]]] = {}
    for name in data:
        for method, results in tables[name]["results"].items():
            published.setdefault(method, {}).update(results)
    return f"{tables[data[0]]['source']}, on {', '.join(data)}", published


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
    runs = suite.runs()
    results = {run: list(_results(folder / run, seeds)) for run in runs}
    data: dict[str, set[str]] = {subset: set() for _, subset in runs.values()}
    for run, (_, subset) in runs.items():
        data[subset].update(map(_data_of, results[run]))
    for names in data.values():
        if len(names) > 1:
            raise DatasetError(
                f"{folder} holds runs on different data ({', '.join(sorted(names))}); a table "
                "compares runs on the same"
            )
    rows = tuple(
        _row(entry, suite, results, published.get(_name_in_paper(entry), {}))
        for entry in suite.entries
    )
    on = ", ".join(name for names in data.values() for name in names)
    return Table(name, suite.title, on, source, suite.columns, rows)


def _name_in_paper(entry: Entry) -> str:
    return entry.method if entry.paper is None else entry.paper


def seed_folders(run: Path, seeds: int | None) -> list[Path]:
    """Return the folders of a method's finished runs, seed by seed.

    Args:
        run: Folder with ``seed<k>/run.json``.
        seeds: Only the seeds 0 .. seeds - 1; None for all that are there.
    """
    found = {int(path.name.removeprefix("seed")): path for path in run.glob("seed*")}
    return [
        path
        for seed, path in sorted(found.items())
        if (seeds is None or seed < seeds) and (path / RECORD).is_file()
    ]


def _results(run: Path, seeds: int | None) -> Iterator[Result]:
    for folder in seed_folders(run, seeds):
        yield {**read_json(folder / "metrics.json"), "run": read_json(folder / RECORD)}


def _data_of(result: Result) -> str:
    protocol = result["protocol"]
    return f"{protocol['dataset']} ({protocol['fingerprint']})"


def _row(
    entry: Entry,
    suite: Suite,
    results: Mapping[str, Sequence[Result]],
    published: Mapping[str, Mapping[str, float]],
) -> Row:
    ours, paper, runs = {}, {}, {}
    for column in suite.columns:
        run, task, metric = suite.origin(entry, column)
        runs[run] = results[run]
        values = [result[task][metric] for result in results[run] if metric in result.get(task, {})]
        if values:
            ours[column] = estimate(values)
        if metric in published.get(column.task, {}):
            paper[column] = published[column.task][metric]
    facts = [
        {**result["run"], "geoloc_version": result["geoloc_version"]}
        for each in runs.values()
        for result in each
    ]
    return Row(entry.method, entry.group, f"configs/{entry.folder}", ours, paper, facts)
