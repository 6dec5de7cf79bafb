"""A suite's table from the files that its runs left."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from geoloc.benchmark.cost import cost_file
from geoloc.benchmark.job import RECORD, product_file
from geoloc.benchmark.product import AS_TASKS
from geoloc.benchmark.statistics import estimate
from geoloc.benchmark.suite import Entry, Suite
from geoloc.benchmark.table import COST, Row, Table
from geoloc.errors import DatasetError
from geoloc.evaluation.results import read_json

Result = Mapping[str, Any]
Published = Mapping[str, Mapping[str, Mapping[str, float]]]  # method -> task -> metric


def read_published(path: Path, data: Sequence[str]) -> tuple[str, Published]:
    """Return the source of a table's published numbers, and the numbers in percent.

    Args:
        path: ``paper_results.json``.
        data: Names of the tables, or of their data where they have none; none where nothing is
            published.

    Raises:
        DatasetError: If the file has no table of that data.
    """
    if not data:
        return "", {}
    tables = {table.get("name", table["data"]): table for table in read_json(path)["tables"]}
    if unknown := [name for name in data if name not in tables]:
        raise DatasetError(f"{path} has no table of {', '.join(unknown)}")
    published: dict[str, dict[str, Mapping[str, float]]] = {}
    for name in data:
        for method, results in tables[name]["results"].items():
            published.setdefault(method, {}).update(results)
    sources = "; ".join(dict.fromkeys(tables[name]["source"] for name in data))
    on = ", ".join(dict.fromkeys(tables[name]["data"] for name in data))
    return f"{sources}, on {on}", published


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
    products = [name for name in AS_TASKS if name in suite.products]
    results = {run: list(_results(folder / run, seeds, products)) for run in runs}
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
        _row(
            entry,
            suite,
            results,
            published.get(_name_in_paper(entry), {}),
            _costs(folder, entry) if suite.costs else {},
        )
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


def _results(run: Path, seeds: int | None, products: Sequence[str]) -> Iterator[Result]:
    for folder in seed_folders(run, seeds):
        result = {**read_json(folder / "metrics.json"), "run": read_json(folder / RECORD)}
        for name in products:
            file = product_file(folder, name)
            content = read_json(file) if file.is_file() else {}
            if content and content.get("key") == result["run"].get("key"):
                result[name] = content["content"]
        yield result


def _costs(folder: Path, entry: Entry) -> Mapping[str, float]:
    file = cost_file(folder, entry.folder)
    costs: Mapping[str, float] = read_json(file)["content"] if file.is_file() else {}
    return costs


def _data_of(result: Result) -> str:
    protocol = result["protocol"]
    return f"{protocol['dataset']} ({protocol['fingerprint']})"


def _row(
    entry: Entry,
    suite: Suite,
    results: Mapping[str, Sequence[Result]],
    published: Mapping[str, Mapping[str, float]],
    costs: Mapping[str, float],
) -> Row:
    ours, paper, runs = {}, {}, {}
    for column in suite.columns:
        if column.metric in published.get(column.task, {}):
            paper[column] = published[column.task][column.metric]
        if column.task == COST:
            if column.metric in costs:
                ours[column] = estimate([costs[column.metric]])
            continue
        run, task, metric = suite.origin(entry, column)
        runs[run] = results[run]
        values = [result[task][metric] for result in results[run] if metric in result.get(task, {})]
        if values:
            ours[column] = estimate(values)
    facts = [
        {**result["run"], "geoloc_version": result["geoloc_version"]}
        for each in runs.values()
        for result in each
    ]
    return Row(entry.method, entry.group, f"configs/{entry.folder}", ours, paper, facts)
