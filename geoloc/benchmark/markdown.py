"""Benchmark tables in Markdown."""

import re
from collections.abc import Callable

from geoloc.benchmark.labels import (
    AGREEMENT,
    AGREEMENT_HEADING,
    MISSING,
    agreement_cells,
    groups,
    half_width,
    heading,
    note,
    number,
    one_line,
    paper_note,
)
from geoloc.benchmark.marks import Mark, mark
from geoloc.benchmark.table import Column, Row, Table
from geoloc.evaluation.comparison import Cells, markdown

_MARKUP = {Mark.BEST: "**{}**", Mark.SECOND: "<u>{}</u>", None: "{}"}


def markdown_table(table: Table) -> str:
    """Return our numbers, and where there are published ones these and how well the orders agree.

    Args:
        table: A suite's result.

    Returns:
        A section with up to three tables; the best of a column is bold, the second underlined.
    """
    sections = [
        f"## {_escaped(table.title)}",
        f"{_escaped(note(table))} **Best** and <u>second</u> of a column.",
        markdown(_cells(table, lambda row, column: _ours(table, row, column))),
    ]
    if table.is_published:
        agreement = [list(AGREEMENT_HEADING), *agreement_cells(table)]
        sections += [
            f"**{_escaped(paper_note(table))}**",
            markdown(_cells(table, _paper)),
            f"**{AGREEMENT}**",
            markdown([[_escaped(cell) for cell in row] for row in agreement]),
        ]
    return "\n\n".join(sections) + "\n"


def markdown_summary(table: Table) -> str:
    """Return the first metric of every task, ours and the published, for a page that includes it.

    Args:
        table: A suite's result.

    Returns:
        A sentence and a table, with links that count from the root of the repository.
    """
    columns = [column for column in table.columns if column.metric == table.columns[0].metric]
    published = ["paper"] if table.is_published else []
    head = ["method"]
    for column in columns:
        head += [_escaped(heading(column)), *published]
    rows = [
        [
            f"[{_escaped(row.method)}]({row.page})",
            *(
                cell
                for column in columns
                for cell in (
                    _ours(table, row, column),
                    *(_paper(row, column) for _ in published),
                )
            ),
        ]
        for row in table.rows
    ]
    sentence = f"{_escaped(note(table))} {_escaped(paper_note(table))}."
    return f"{sentence}\n\n{markdown([head, *rows])}\n"


def _cells(table: Table, cell: Callable[[Row, Column], str]) -> Cells:
    rows = [["method", *(_escaped(heading(column)) for column in table.columns)]]
    for group, members in groups(table).items():
        rows.append([f"*{_escaped(group)}*", *("" for _ in table.columns)])
        for row in members:
            rows.append([_escaped(row.method), *(cell(row, column) for column in table.columns)])
    return rows


def _ours(table: Table, row: Row, column: Column) -> str:
    if column not in row.ours:
        return MISSING
    value = row.ours[column]
    shown = _MARKUP[mark(table, row, column)].format(number(value.mean))
    return f"{shown} {half_width(value)}".rstrip()


def _paper(row: Row, column: Column) -> str:
    return number(row.paper[column]) if column in row.paper else MISSING


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|~&$#])", r"\\\1", one_line(text))
