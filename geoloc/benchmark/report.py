"""A suite's table in every format, with its plots."""

from collections.abc import Sequence
from pathlib import Path

from geoloc.benchmark.curves import Curves
from geoloc.benchmark.figures import lines, metric_bars
from geoloc.benchmark.latex import latex_document
from geoloc.benchmark.long_csv import long_csv
from geoloc.benchmark.markdown import markdown_summary, markdown_table
from geoloc.benchmark.page import html_page
from geoloc.benchmark.table import COST, Table

MOST_BARS = 16  # more in a group cannot be told apart
OVERALL = "overall"  # a mean of the other scales, in the tables only


def write_report(table: Table, curves: Sequence[Curves], folder: Path) -> None:
    """Write the table as Markdown, LaTeX, CSV and as a page, its summary, and the plots.

    Args:
        table: The suite's result.
        curves: Its figures of curves.
        folder: Created if missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figures = {}
    for title, metrics in _families(table).items() if len(table.rows) <= MOST_BARS else ():
        path = folder / title.replace("@", "")
        metric_bars(table, metrics, title, path)
        figures[f"{table.title}: {title}"] = path.with_suffix(".svg")
    for curve in curves:
        lines(*curve[1:], folder / curve.name)
        figures[curve.title] = folder / f"{curve.name}.svg"
    (folder / "table.md").write_text(markdown_table(table))
    (folder / "summary.md").write_text(markdown_summary(table))
    (folder / "table.tex").write_text(latex_document(table))
    (folder / "table.csv").write_text(long_csv(table))
    (folder / "index.html").write_text(html_page([table], figures))


def _families(table: Table) -> dict[str, list[str]]:
    """Return the metrics of every plot: those of all scales together, and all others."""
    families: dict[str, list[str]] = {}
    shown = (column.metric for column in table.columns if column.task != COST)
    for metric in dict.fromkeys(shown):
        name, _, scale = metric.partition("/")
        if scale != OVERALL:
            families.setdefault(name if scale else "metrics", []).append(metric)
    return families
