"""What tables say in words and digits, the same in every format."""

import itertools
import math

from geoloc.benchmark.statistics import Estimate
from geoloc.benchmark.table import COST, Column, Row, Table

MISSING = "missing"
AGREEMENT = "Agreement with the published order"
AGREEMENT_HEADING = ("column", "methods", "Kendall's tau", "p", "Spearman's rho")
_TASKS = {"drone->satellite": "D→S", "satellite->drone": "S→D"}


def task_label(task: str) -> str:
    """Return the short name of a direction; other tasks keep their name."""
    return _TASKS.get(task, task)


def heading(column: Column) -> str:
    """Return the heading of a column on one line, such as ``D→S H-AP``."""
    return f"{task_label(column.task)} {column.metric}"


def task_spans(table: Table) -> list[tuple[str, int]]:
    """Return the upper line of a two-level heading: labels, each above so many columns."""
    tasks = itertools.groupby(table.columns, key=lambda column: column.task)
    return [(task_label(task), len(list(columns))) for task, columns in tasks]


def groups(table: Table) -> dict[str, list[Row]]:
    """Return the rows by their group, both in the order of the paper."""
    return {
        group: [row for row in table.rows if row.group == group]
        for group in dict.fromkeys(row.group for row in table.rows)
    }


def one_line(text: str) -> str:
    """Return a text without line breaks, which would end a row."""
    return " ".join(text.split())


def number(value: float) -> str:
    """Return a percentage with the digits of the paper."""
    return f"{value:.2f}"


def half_width(value: Estimate) -> str:
    """Return half the width of the interval, such as ``±1.3``; nothing with a single seed."""
    if value.low is None or value.high is None:
        return ""
    half = (value.high - value.low) / 2
    return f"±{half:.1f}" if half >= 1 else f"±{half:.2f}"


def note(table: Table) -> str:
    """Return what the numbers are, and which methods' runs differ in their code."""
    counts = {
        len(value.values)
        for row in table.rows
        for column, value in row.ours.items()
        if column.task != COST
    }
    if not counts:
        return f"No results on {table.data} yet."
    costs = " Costs are those of the networks at the papers' size." if _has_costs(table) else ""
    mixed = [row.method for row in table.rows if _versions(row) > 1]
    versions = f" Runs of several versions of the code: {', '.join(mixed)}." if mixed else ""
    if max(counts) == 1:
        return f"Percent on {table.data}, one seed.{costs}{versions}"
    seeds = " to ".join(map(str, dict.fromkeys((min(counts), max(counts)))))
    return (
        f"Percent on {table.data}: mean ± half the width of its 95 % interval (Student's t) "
        f"over {seeds} seeds.{costs}{versions}"
    )


def _has_costs(table: Table) -> bool:
    return any(column.task == COST for column in table.columns)


def _versions(row: Row) -> int:
    return len({run["key"]["code"] for run in row.runs if "key" in run})


def paper_note(table: Table) -> str:
    """Return where the published numbers come from, labelled as such."""
    return f"paper: {table.paper or 'no numbers of these are published'}"


def agreement_cells(table: Table) -> list[list[str]]:
    """Return how alike our order and the published one are, one row per column of the table.

    A coefficient that two methods or a column of equal numbers leave undefined is missing.
    """
    return [
        [
            heading(column),
            str(agreement.methods),
            _coefficient(agreement.kendall),
            _probability(agreement.p_value),
            _coefficient(agreement.spearman),
        ]
        for column in table.columns
        for agreement in [table.agreement(column)]
    ]


def _coefficient(value: float) -> str:
    return MISSING if math.isnan(value) else f"{value:.2f}"


def _probability(value: float) -> str:
    if math.isnan(value):
        return MISSING
    return f"{value:.3f}" if value >= 0.001 else "<0.001"
