"""Benchmark tables and plots as one HTML file that needs nothing else."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Any

from geoloc.benchmark.labels import (
    AGREEMENT,
    AGREEMENT_HEADING,
    MISSING,
    agreement_cells,
    groups,
    half_width,
    note,
    number,
    paper_note,
    task_spans,
)
from geoloc.benchmark.marks import Mark, mark
from geoloc.benchmark.table import Column, Row, Table
from geoloc.visualization.inline_svg import inline_svg
from geoloc.visualization.offline_page import asset, offline_page

_MARKUP = {Mark.BEST: "<strong>{}</strong>", Mark.SECOND: "<u>{}</u>", None: "{}"}
_SHOW_PAPER = (
    '<label><input type="checkbox" id="show-paper" checked> Show the published numbers</label>\n'
)
_MISSING = f'<span class="missing">{MISSING}</span>'
# Heading of a fact about a run, its key, and how it reads.
_FACTS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "seed": ("seed", str),
    "geoloc": ("geoloc_version", str),
    "h:min:s": ("wall_s", lambda seconds: str(timedelta(seconds=round(seconds)))),
    "peak memory": ("peak_memory_mb", "{:.0f} MB".format),
    "hardware": ("hardware", str),
    "command": ("command", str),
}


def html_page(tables: Sequence[Table], figures: Mapping[str, Path]) -> str:
    """Return tables and plots as a page that works from a disk, without a network.

    Args:
        tables: One section each.
        figures: SVG files by their caption; the pictures become part of the page.
    """
    titles = [*(table.title for table in tables), *figures]
    contents = [
        *(_table_content(table) for table in tables),
        *(
            _figure(inline_svg(path, f"figure-{place}", caption))
            for place, (caption, path) in enumerate(figures.items())
        ),
    ]
    links = [
        f'<li><a href="#section-{place}">{escape(title)}</a></li>'
        for place, title in enumerate(titles)
    ]
    sections = [
        f'<section id="section-{place}">\n<h2>{escape(title)}</h2>\n{content}</section>\n'
        for place, (title, content) in enumerate(zip(titles, contents, strict=True))
    ]
    body = f"""<header>
<h1>geoloc: benchmark</h1>
<nav aria-label="Contents"><ul>{"".join(links)}</ul></nav>
{_SHOW_PAPER if any(table.is_published for table in tables) else ""}</header>
<main>
{"".join(sections)}</main>
"""
    return offline_page("geoloc: benchmark", _asset("page.css"), body, _asset("page.js"))


def _asset(name: str) -> str:
    return asset(name, __package__)


def _table_content(table: Table) -> str:
    bodies = [_group(table, group, rows) for group, rows in groups(table).items()]
    runs = [_row(cells) for row in table.rows for cells in _runs(row)]
    return f"""<p>{escape(note(table))} <strong>Best</strong> and <u>second</u> of a column.</p>
<p class="published">{escape(paper_note(table))}</p>
<p><button type="button" class="restore" disabled>First order</button></p>
{_scrolling(table.title, _results_head(table), bodies, "results")}
{_agreement(table) if table.is_published else ""}<details>
<summary>Runs</summary>
{_scrolling("Runs", _head(["method", *_FACTS, "configs"]), [_body(runs)], "runs")}
</details>
"""


def _agreement(table: Table) -> str:
    rows = [_row([escape(cell) for cell in cells]) for cells in agreement_cells(table)]
    return f"""<h3>{AGREEMENT}</h3>
{_scrolling(AGREEMENT, _head(AGREEMENT_HEADING), [_body(rows)], "numbers")}
"""


def _scrolling(label: str, head: str, bodies: Iterable[str], style: str) -> str:
    """Return a table in a frame of its own, which a keyboard can scroll too."""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}">\n'
        f'<table class="{style}">\n<thead>{head}</thead>\n{"".join(bodies)}</table>\n</div>'
    )


def _figure(picture: str) -> str:
    return f'<figure class="scroll" tabindex="0">{picture}</figure>\n'


def _results_head(table: Table) -> str:
    tasks = [
        f'<th colspan="{columns}" scope="colgroup">{escape(label)}</th>'
        for label, columns in task_spans(table)
    ]
    metrics = [_sortable(column.metric) for column in table.columns]
    return f"<tr>{_sortable('method', rows=2)}{''.join(tasks)}</tr>\n<tr>{''.join(metrics)}</tr>"


def _sortable(text: str, rows: int = 1) -> str:
    return (
        f'<th scope="col" rowspan="{rows}" aria-sort="none">'
        f'<button type="button">{escape(text)}</button></th>'
    )


def _head(cells: Iterable[str]) -> str:
    headings = [f'<th scope="col">{escape(cell)}</th>' for cell in cells]
    return f"<tr>{''.join(headings)}</tr>"


def _body(rows: Iterable[str]) -> str:
    return f"<tbody>\n{''.join(rows)}</tbody>\n"


def _row(cells: Sequence[str]) -> str:
    """Return a row of cells that are HTML already; the first names the row."""
    return (
        f'<tr><th scope="row">{cells[0]}</th>{"".join(f"<td>{c}</td>" for c in cells[1:])}</tr>\n'
    )


def _group(table: Table, group: str, rows: Iterable[Row]) -> str:
    width = len(table.columns) + 1
    title = (
        f'<tr class="group"><th colspan="{width}" scope="rowgroup">'
        f"<span>{escape(group)}</span></th></tr>\n"
    )
    lines = [
        f'<tr><th scope="row">{_name(row)}</th>'
        f"{''.join(_cell(table, row, column) for column in table.columns)}</tr>\n"
        for row in rows
    ]
    return _body([title, *lines])


def _name(row: Row) -> str:
    return escape(row.method).replace("+", "+<wbr>")  # where a narrow screen may break the line


def _cell(table: Table, row: Row, column: Column) -> str:
    paper = _published(row, column) if table.is_published else ""
    if column not in row.ours:
        return f"<td>{_MISSING}{paper}</td>"
    value = row.ours[column]
    ours = _MARKUP[mark(table, row, column)].format(number(value.mean))
    half = f' <span class="interval">{half_width(value)}</span>' if half_width(value) else ""
    return f'<td data-value="{value.mean!r}"><span class="ours">{ours}{half}</span>{paper}</td>'


def _published(row: Row, column: Column) -> str:
    published = number(row.paper[column]) if column in row.paper else _MISSING
    return f'<span class="paper"><span class="label">paper</span> {published}</span>'


def _runs(row: Row) -> list[list[str]]:
    """Return the facts of a method's runs as cells; a method without runs has one line."""
    return [
        [
            _name(row),
            *(_fact(run.get(key), shown) for key, shown in _FACTS.values()),
            escape(row.page),
        ]
        for run in row.runs or [{}]
    ]


def _fact(value: Any, shown: Callable[[Any], str]) -> str:
    return _MISSING if value is None else escape(shown(value))
