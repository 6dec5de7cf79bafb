"""Runs beside each other: one table per task, one row per run."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.table import Table

from geoloc.errors import DatasetError
from geoloc.evaluation.results import TABLE_ROWS, Results, as_text, read_json, read_metrics

Cells = list[list[str]]  # rows of a table, the first is the header


def compare_runs(folders: Iterable[str | Path]) -> dict[str, Cells]:
    """Read the ``metrics.json`` of run folders and lay them out.

    Args:
        folders: Run folders; their names become the names of the rows.

    Returns:
        For every task the header and one row per run.

    Raises:
        DatasetError: If a folder has no results, or two were evaluated on different data.
    """
    paths = [Path(folder) for folder in folders]
    first = None
    for path in paths:
        if not (path / "metrics.json").is_file():
            raise DatasetError(f"{path} is no finished run: it has no metrics.json")
        protocol = read_json(path / "metrics.json").get("protocol", {})
        first = first or (path, protocol)
        if protocol.get("fingerprint") != first[1].get("fingerprint"):
            raise DatasetError(
                f"{first[0]} and {path} were evaluated on different data "
                f"({_name(first[1])} and {_name(protocol)}); compare them separately"
            )
    unique = len({path.resolve().name for path in paths}) == len(paths)
    names = [path.resolve().name if unique else str(path) for path in paths]
    return comparison(dict(zip(names, map(read_metrics, paths), strict=True)))


def comparison(
    runs: Mapping[str, Results], columns: Sequence[str] = TABLE_ROWS
) -> dict[str, Cells]:
    """Lay out the metrics of runs, one table per task.

    Args:
        runs: Metrics per task in percent, by the name of the row.
        columns: Metrics to show, in this order; those that no run has are left out, a value that
            one run lacks is a dash.
    """
    tables = {}
    for task in dict.fromkeys(task for results in runs.values() for task in results):
        present = [results.get(task, {}) for results in runs.values()]
        shown = [column for column in columns if any(column in values for values in present)]
        rows = [
            [name, *(f"{values[column]:.2f}" if column in values else "-" for column in shown)]
            for name, values in zip(runs, present, strict=True)
        ]
        tables[task] = [["run", *shown], *rows]
    return tables


def markdown(cells: Cells, align: str = "right") -> str:
    """Return the table in Markdown; all columns but the first stand ``'right'`` or ``'left'``."""
    rule = ["---", *("---:" if align == "right" else "---" for _ in cells[0][1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (cells[0], rule, *cells[1:]))


def terminal(title: str, cells: Cells) -> str:
    """Return the table as text with lines around it."""
    table = Table(title=title, title_justify="left")
    for position, heading in enumerate(cells[0]):
        table.add_column(heading.replace("/", "\n"), justify="right" if position else "left")
    for row in cells[1:]:
        table.add_row(*row)
    return as_text(table)


def _name(protocol: Mapping[str, object]) -> str:
    return f"{protocol.get('dataset')} {protocol.get('fingerprint')}"
