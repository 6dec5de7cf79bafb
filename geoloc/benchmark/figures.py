"""Plots of estimates with their intervals, as SVG and PNG."""

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from geoloc.benchmark.labels import MISSING, task_label
from geoloc.benchmark.statistics import Estimate
from geoloc.benchmark.table import Column, Table
from geoloc.errors import ConfigError
from geoloc.visualization.figure_style import COLOURS, GRID, INK, MARKERS, STYLE

_HATCHES = ("", "////", "\\\\\\\\")
_LINES = ("-", "--", ":")
_LETTER = 0.075  # width of most letters of the legend, in inches
_PAPER: dict[str, Any] = {
    "marker": "D",
    "markersize": 4,
    "color": INK,
    "fillstyle": "none",
    "linestyle": "none",
}


class Panel(NamedTuple):
    """Groups of bars that share an axis; ablations have one, tables one per task.

    Attributes:
        title: What the panel shows.
        groups: Names along the axis.
        bars: For every name in the legend an estimate per group, None where it is missing.
        paper: Published numbers per group by the same names, likewise; names without are left out.
    """

    title: str
    groups: Sequence[str]
    bars: Mapping[str, Sequence[Estimate | None]]
    paper: Mapping[str, Sequence[float | None]]


def metric_bars(table: Table, metrics: Sequence[str], title: str, path: Path) -> None:
    """Plot some metrics of every method, one panel per task that has them.

    Args:
        table: A suite's result.
        metrics: Columns to show, such as ``mAP/small``; the part after the slash names the bars.
        title: What the metrics have in common.
        path: Where to write, without a suffix.

    Raises:
        ConfigError: If no task has them.
    """
    names = [metric.rpartition("/")[2] for metric in metrics]
    panels = []
    for task in dict.fromkeys(task for task, name in table.columns if name in metrics):
        columns = [Column(task, metric) for metric in metrics]
        ours = {row.method: [row.ours.get(column) for column in columns] for row in table.rows}
        paper = {row.method: [row.paper.get(column) for column in columns] for row in table.rows}
        panels.append(Panel(task_label(task), names, ours, paper))
    if not panels:
        raise ConfigError(f"{table.name} has none of the columns {', '.join(metrics)}")
    bars(panels, f"{title} in percent", path)


@matplotlib.rc_context(STYLE)
def bars(panels: Sequence[Panel], y_label: str, path: Path) -> None:
    """Plot groups of bars, with error bars over the interval where there are several seeds.

    Args:
        panels: Below each other; all have the same names.
        y_label: What the height of a bar is.
        path: Where to write, without a suffix.
    """
    names = list(panels[0].bars)
    width = 0.18 * len(panels[0].groups) * (len(names) + 1)
    figure = Figure(figsize=(max(5.0, width), 2.8 * len(panels)), layout="constrained")
    column = figure.subplots(len(panels), sharey=True, squeeze=False)[:, 0]
    for axes, panel in zip(column, panels, strict=True):
        _draw_bars(axes, panel)
        axes.set_title(panel.title, loc="left")
        axes.set_ylabel(y_label)
        axes.grid(axis="y", color=GRID)
    column[0].set_ylim(bottom=0)  # of all, and last: it ends the search for the upper end
    handles: list[Artist] = [
        Patch(**_fill(position), label=name) for position, name in enumerate(names)
    ]
    published = itertools.chain(*(values for panel in panels for values in panel.paper.values()))
    if any(value is not None for value in published):
        handles.append(Line2D([], [], **_PAPER, label="paper"))
    _write(figure, handles, path)


@matplotlib.rc_context(STYLE)
def lines(
    title: str,
    x_label: str,
    y_label: str,
    series: Mapping[str, Sequence[tuple[float, Estimate]]],
    x_log: bool,
    path: Path,
) -> None:
    """Plot estimates over a number, such as a metric over the size of the batch.

    Args:
        title: Stands above the plot.
        x_label: What the number is.
        y_label: What was estimated.
        series: Points by the name of their line in the legend.
        x_log: Whether the axis is logarithmic.
        path: Where to write, without a suffix.
    """
    figure = Figure(figsize=(6.4, 3.6 + 0.08 * len(series)), layout="constrained")
    axes = figure.subplots()
    drawn = [
        axes.errorbar(
            [x for x, _ in points],
            [value.mean for _, value in points],
            [_half(value) for _, value in points],
            label=name,
            color=COLOURS[position % len(COLOURS)],
            marker=MARKERS[position % len(MARKERS)],
            markersize=4,
            linewidth=1.2,
            linestyle=_LINES[position // len(COLOURS) % len(_LINES)],
            capsize=2,
        )
        for position, (name, points) in enumerate(series.items())
    ]
    axes.set(xlabel=x_label, ylabel=y_label)
    if x_log:
        axes.set_xscale("log")
        # In place of powers, which matplotlib writes as formulas.
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_title(title, loc="left")
    axes.grid(color=GRID)
    _write(figure, drawn, path)


def _draw_bars(axes: Axes, panel: Panel) -> None:
    width = 1 / (len(panel.bars) + 1)  # the free place is the gap between two groups
    for position, (name, values) in enumerate(panel.bars.items()):
        offset = (position - (len(panel.bars) - 1) / 2) * width
        published = panel.paper.get(name, [None] * len(values))
        for group, (value, paper) in enumerate(zip(values, published, strict=True)):
            x = group + offset
            if value is None:
                # Text counts in points: 2 of them above the axis.
                at = axes.annotate(MISSING, (x, 0), (0, 2), textcoords="offset points")
                at.set(rotation=90, fontsize=6, ha="center", va="bottom")
            else:
                axes.bar(x, value.mean, 0.9 * width, **_fill(position))
                axes.errorbar(x, value.mean, _half(value), color=INK, elinewidth=0.8, capsize=1.5)
            if paper is not None:
                axes.plot(x, paper, **_PAPER)
    axes.set_xticks(range(len(panel.groups)), panel.groups)
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.5, len(panel.groups) - 0.5)  # a place without a bar belongs to it too


def _fill(position: int) -> dict[str, Any]:
    return {
        "facecolor": COLOURS[position % len(COLOURS)],
        "hatch": _HATCHES[position // len(COLOURS) % len(_HATCHES)],
        "edgecolor": "#ffffff",
    }


def _half(value: Estimate) -> float:
    """Return half the width of the interval; NaN, which draws nothing, without one."""
    return math.nan if value.high is None else value.high - value.mean


def _write(figure: Figure, handles: Sequence[Any], path: Path) -> None:
    labels = [handle.get_label() for handle in handles]
    widest = max(1.7, 0.6 + _LETTER * max(map(len, labels)))  # in inches, as the figure
    columns = min(len(handles), max(1, int(figure.get_figwidth() // widest)))
    figure.legend(handles, labels, loc="outside lower left", ncols=columns)
    # Without the date and the version of matplotlib the file changes only with the picture.
    figure.savefig(f"{path}.svg", metadata={"Date": None, "Creator": None})
    figure.savefig(f"{path}.png", metadata={"Software": None}, dpi=200)
