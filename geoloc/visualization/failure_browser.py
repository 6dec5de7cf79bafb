"""The failures of a run with their pictures, to be filtered and enlarged."""

from collections.abc import Mapping, Sequence
from html import escape

from geoloc.analysis.queries import Query
from geoloc.datasets.index import Index
from geoloc.visualization.offline_page import asset, offline_page
from geoloc.visualization.relevance_colours import level_colour, metres
from geoloc.visualization.retrieval_panel import panel_html, panel_of_query
from geoloc.visualization.thumbnail import THUMBNAIL_PX


def failure_page(
    failures: Mapping[str, Sequence[Query]], index: Index, highest: int, order: str | None = "H-AP"
) -> str:
    """Return a page with queries, their first results and how far off these are.

    Args:
        failures: Queries to show by task, in this order.
        index: The test images, whose files exist.
        highest: The highest level.
        order: The metric that the queries are the lowest in; None for the rank of their place.
    """
    lowest = f"with the lowest {order}" if order else "whose place is found last"
    tasks = ", ".join(failures).replace("->", " → ") or "no task"
    body = f"""<h1>Failures: {escape(tasks)}</h1>
<p>The queries {escape(lowest)}, the worst first.</p>
{failure_browser(failures, index, highest)}"""
    return offline_page("geoloc: failures", browser_style(), body, browser_script())


def browser_style() -> str:
    """Return the style sheet of a failure browser."""
    return asset("pictures.css") + asset("failure_browser.css")


def browser_script() -> str:
    """Return the script of a failure browser."""
    return asset("enlarge.js") + asset("failure_browser.js")


def failure_browser(
    failures: Mapping[str, Sequence[Query]],
    index: Index,
    highest: int,
    size_px: int = THUMBNAIL_PX,
) -> str:
    """Return the failures as a part of a page; for the arguments see ``failure_page``."""
    articles = [
        _article(query, task, index, highest, size_px)
        for task, queries in failures.items()
        for query in queries
    ]
    if not articles:
        return "<p>There are no queries to show.</p>\n"
    return f"""<div class="failures">
{_legend(highest)}{_filters(list(failures), index.has_positions)}{"".join(articles)}</div>
"""


def _legend(highest: int) -> str:
    names = {highest: "the place itself", 0: "far away"}
    chips = [
        f'<span class="chip" style="--level: {level_colour(level, highest)}"></span> '
        f"level&nbsp;{level}{f', {names[level]}' if level in names else ''}"
        for level in range(highest, -1, -1)
    ]
    return f"<p>The frame of a result tells its level: {'; '.join(chips)}.</p>\n"


def _filters(tasks: Sequence[str], positions: bool) -> str:
    options = "".join(f"<option>{escape(task)}</option>" for task in tasks)
    number = 'type="number" min="0" step="any" inputmode="decimal"'
    parts = [
        f'<label>Task <select class="task"><option value="">all</option>{options}</select></label>'
        if len(tasks) > 1
        else "",
        f'<label>Error from <input class="least" {number}> m</label>'
        f'<label>to <input class="most" {number}> m</label>'
        if positions
        else "",
        '<label>Place <input class="place" type="search" autocomplete="off"></label>'
        '<label>File <input class="file" type="search" autocomplete="off"></label>'
        '<output aria-live="polite"></output>',
    ]
    return f'<div class="filters" role="group" aria-label="Filter">\n{"".join(parts)}\n</div>\n'


def _article(query: Query, task: str, index: Index, highest: int, size_px: int) -> str:
    panel = panel_of_query(query, index, highest)
    place, file = str(index.place[query.row]), str(index.path[query.row])
    error_m = query.first[0].distance_m if query.first else None
    error = "" if error_m is None else f' data-error="{error_m:.2f}"'
    facts = [task, f"place {place}", *([] if error_m is None else [f"error {metres(error_m)}"])]
    return (
        f'<article data-task="{escape(task)}" data-place="{place}" '
        f'data-file="{escape(file)}"{error}>\n<h3>{escape(panel.title)}</h3>\n'
        f'<p class="muted">{escape(", ".join(facts))}</p>\n{panel_html(panel, size_px)}</article>\n'
    )
