r"""Benchmark tables in LaTeX, for a document with the packages booktabs and graphicx."""

import re

from geoloc.benchmark.labels import (
    MISSING,
    groups,
    half_width,
    note,
    number,
    one_line,
    task_spans,
)
from geoloc.benchmark.marks import Mark, mark
from geoloc.benchmark.table import Column, Row, Table

_MARKUP = {Mark.BEST: r"\textbf{%s}", Mark.SECOND: r"\underline{%s}", None: "%s"}
_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "→": r"$\rightarrow$",
    "±": r"$\pm$",
    # At the start of a row these would belong to the line break before it.
    "[": "{[}",
    "*": "{*}",
    **{symbol: f"\\{symbol}" for symbol in "{}$&#_%"},
}


def latex_table(table: Table) -> str:
    """Return our numbers as a floating table, no wider than the text.

    Args:
        table: A suite's result.

    Returns:
        A ``table`` with the label ``tab:NAME``; the best of a column is bold, the second
        underlined.
    """
    width = len(table.columns) + 1
    lines = [
        r"\begin{table}",
        r"\centering",
        f"\\caption{{{_escaped(f'{table.title}. {note(table)}')}}}",
        f"\\label{{tab:{re.sub(r'[^A-Za-z0-9-]+', '-', table.name)}}}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        f"\\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
        r"\toprule",
        *_heading(table),
    ]
    for group, rows in groups(table).items():
        lines += [
            r"\midrule",
            f"\\multicolumn{{{width}}}{{l}}{{\\textit{{{_escaped(group)}}}}} \\\\",
        ]
        lines += [
            _line([_escaped(row.method), *(_cell(table, row, column) for column in table.columns)])
            for row in rows
        ]
    lines += [r"\bottomrule", r"\end{tabular}}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def latex_document(table: Table) -> str:
    """Return a document that has nothing but the table, on one wide page."""
    return (
        "\\documentclass{article}\n"
        "\\usepackage[a4paper,landscape,margin=15mm]{geometry}\n"
        "\\usepackage{booktabs,graphicx}\n"
        "\\pagestyle{empty}\n"
        "\\begin{document}\n"
        f"{latex_table(table)}"
        "\\end{document}\n"
    )


def _heading(table: Table) -> list[str]:
    labels, rules, first = [], [], 2
    for label, columns in task_spans(table):
        labels.append(f"\\multicolumn{{{columns}}}{{c}}{{{_escaped(label)}}}")
        rules.append(f"\\cmidrule(lr){{{first}-{first + columns - 1}}}")
        first += columns
    metrics = [_escaped(column.metric) for column in table.columns]
    return [_line(["", *labels]), " ".join(rules), _line(["method", *metrics])]


def _cell(table: Table, row: Row, column: Column) -> str:
    if column not in row.ours:
        return MISSING
    value = row.ours[column]
    shown = _MARKUP[mark(table, row, column)] % number(value.mean)
    half = _escaped(half_width(value))
    return f"{shown} {{\\scriptsize {half}}}" if half else shown


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _escaped(text: str) -> str:
    escaped = "".join(_ESCAPES.get(symbol, symbol) for symbol in one_line(text))
    return re.sub("-(?=-)", "-{}", escaped)  # two hyphens would become a dash
