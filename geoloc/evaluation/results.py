"""The files that a run leaves behind, and the table that it prints."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import geoloc
from geoloc.array_files import ArrayFault, read_array
from geoloc.datasets.index import Index
from geoloc.errors import DatasetError
from geoloc.evaluation.task_result import TaskResult
from geoloc.json_files import read_json_file
from geoloc.whole_files import whole_file, whole_path

Results = Mapping[str, Mapping[str, float]]
TABLE_ROWS = (
    *("H-AP", "ASI", "NDCG"),
    *(f"{metric}/{scale}" for metric in ("mAP", "R@1") for scale in ("small", "middle", "large")),
    *("mAP/overall", "R@1/overall"),
    *("AP", "mAP", "mAP@R", "R@1", "R@5", "R@10", "R@20", "R@1%"),
    *("GeoScore", *(f"Acc@{radius}km" for radius in (1, 25, 200, 750, 2500))),
    *(f"area/{level}" for level in ("country", "region", "sub-region", "city")),
)
# in metrics.json beside the tasks
FACTS = ("protocol", "config_hash", "geoloc_version", "intervals")


def save_run(
    folder: str | Path,
    results: Mapping[str, TaskResult],
    descriptors: np.ndarray,
    index: Index,
    protocol: Mapping[str, Any],
    config_hash: str | None = None,
) -> None:
    """Write the files of a run, each in one step.

    ``metrics.json``, ``descriptors.npy``, ``index.csv``, and ``per_query.npz`` with the arrays
    ``<task>/<metric>`` and ``<task>/row``, the queries' rows in the index.

    Args:
        folder: Created if missing.
        results: Results per task.
        descriptors: float32 ``[n, D]``.
        index: The described images, row by row.
        protocol: Fingerprint of the dataset.
        config_hash: Hash of the run config.
    """
    folder = Path(folder)
    with whole_run(folder, metrics_of(results) | facts_of(results, protocol, config_hash), index):
        with whole_file(folder / "descriptors.npy") as file:
            np.save(file, descriptors)
        with whole_file(folder / "per_query.npz") as file:
            np.savez_compressed(file, **_per_query(results))  # type: ignore[arg-type]


@contextmanager
def whole_run(folder: Path, metrics: Mapping[str, Any], index: Index) -> Iterator[None]:
    """Write ``index.csv`` and ``metrics.json``, which get their names after all else is there.

    Args:
        folder: Created if missing.
        metrics: Content of ``metrics.json``.
        index: The described images, row by row.
    """
    with whole_path(folder / "metrics.json") as last, whole_path(folder / "index.csv") as table:
        last.write_text(json.dumps(metrics, indent=2) + "\n")
        index.to_csv(table)
        yield


def metrics_of(results: Mapping[str, TaskResult]) -> dict[str, Any]:
    """Return the metrics per task."""
    return {task: result.metrics for task, result in results.items()}


def facts_of(
    results: Mapping[str, TaskResult], protocol: Mapping[str, Any], config_hash: str | None
) -> dict[str, Any]:
    """Return what stands beside the tasks in ``metrics.json``."""
    intervals = {task: result.intervals for task, result in results.items()}
    return dict(zip(FACTS, (protocol, config_hash, code_version(), intervals), strict=True))


def _per_query(results: Mapping[str, TaskResult]) -> dict[str, np.ndarray]:
    arrays = {}
    for task, result in results.items():
        arrays[f"{task}/row"] = result.query
        for name, values in result.per_query.items():
            arrays[f"{task}/{name}"] = values.numpy()
    return arrays


def load_run(folder: str | Path) -> tuple[np.ndarray, Index, dict[str, Any]]:
    """Read what ``save_run`` wrote.

    Returns:
        Descriptors ``[n, D]`` float32, their index, and the content of ``metrics.json``.

    Raises:
        DatasetError: If a file is missing or unreadable.
    """
    folder = Path(folder)
    for name in ("descriptors.npy", "index.csv", "metrics.json"):
        if not (folder / name).is_file():
            raise DatasetError(f"{folder} is no run folder: it has no {name}")
    try:
        descriptors = read_array(folder / "descriptors.npy")
    except ArrayFault as error:
        raise DatasetError(f"{folder / 'descriptors.npy'} cannot be read: {error}") from error
    return descriptors, Index.read_csv(folder / "index.csv"), read_json(folder / "metrics.json")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        DatasetError: If the file is no JSON object.
    """
    try:
        content = read_json_file(path)
    except ValueError as error:
        raise DatasetError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise DatasetError(f"{path} holds no JSON object")
    return content


def read_metrics(folder: str | Path) -> dict[str, dict[str, float]]:
    """Return the metrics per task from a run folder's ``metrics.json``."""
    content = read_json(Path(folder) / "metrics.json")
    return {key: value for key, value in content.items() if key not in FACTS}


def read_intervals(folder: str | Path) -> dict[str, dict[str, Sequence[float]]]:
    """Return the intervals per task from a run folder's ``metrics.json``, if it has them."""
    return dict(read_json(Path(folder) / "metrics.json").get("intervals", {}))


def format_results(
    columns: Mapping[str, Results],
    intervals: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    whole: bool = False,
) -> str:
    """Lay out the metrics of one or two evaluations as a table.

    Args:
        columns: Metrics per task, by the heading of their column; with two columns a third gives
            the ratio of the second to the first.
        intervals: Lower and upper ends per task, shown behind the last column's values.
        whole: Show every metric instead of the usual ones, and the numbers of queries.
    """
    title = "percent, except errors in _m (metres) or _km, and GeoScore (0 .. 5000)"
    table = Table(title=f"{title}; [95 % bootstrap interval]" if intervals else title)
    table.add_column("metric")
    headings = list(columns)
    tasks = list(next(iter(columns.values())))
    for task in tasks:
        for heading in headings:
            table.add_column(f"{task}\n{heading}" if len(headings) > 1 else task, justify="right")
        if len(headings) == 2:
            table.add_column(f"{task}\nratio", justify="right")
    names = list(next(iter(columns.values()))[tasks[0]])
    rows = [row for row in TABLE_ROWS if row in names]
    rows += [name for name in names if name not in rows and (whole or name.startswith("error/"))]
    for row in rows:
        cells = []
        for task in tasks:
            values = [columns[heading][task][row] for heading in headings]
            shown = [f"{value:.2f}" if isinstance(value, float) else f"{value}" for value in values]
            if intervals and row in intervals.get(task, {}):
                low, high = intervals[task][row]
                shown[-1] += f" [{low:.2f}, {high:.2f}]"
            cells += shown
            if len(values) == 2:
                cells.append(f"{values[1] / values[0]:.2f}" if values[0] else "-")
        table.add_row(row, *cells)
    return as_text(table)


def format_evaluation(results: Mapping[str, TaskResult], whole: bool = False) -> str:
    """Lay out results that were just computed, with their intervals; see ``format_results``."""
    intervals = {task: result.intervals for task, result in results.items()}
    return format_results({"result": metrics_of(results)}, intervals, whole)


def as_text(table: Table) -> str:
    """Return a table as it is printed, without colours."""
    # A table takes the width that it needs; names of tasks hold [brackets], which are no markup.
    console = Console(width=400, no_color=True, markup=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip()


def code_version() -> str:
    """Return the package's version, with the commit where it runs from a git checkout."""
    source = Path(geoloc.__file__).parent
    command = ["git", "-C", str(source), "rev-parse", "--short", "HEAD"]
    try:
        commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return geoloc.__version__
    return f"{geoloc.__version__}+g{commit}"
