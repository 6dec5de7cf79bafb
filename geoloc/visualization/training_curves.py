"""Training curves from the scalars that mmengine leaves in a run folder."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from geoloc.visualization.figure_style import COLOURS, GRID, MARKERS, STYLE

SCORES = ("H-AP", "AP", "mAP", "R@1")  # one line per task and score; the rest is in the table
Curves = dict[str, list[tuple[float, float]]]


def read_scalars(work_dir: Path) -> list[dict[str, Any]]:
    """Return the records of ``vis_data/scalars.json``, of a resumed run one part after another.

    A line that a killed run left unfinished is passed over.
    """
    records = []
    for file in sorted(work_dir.glob("*/vis_data/scalars.json")):
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                records.append(record)
    return records


def loss_curves(records: Sequence[Mapping[str, Any]]) -> Curves:
    """Return (iteration, value) of every loss; the sum of all is ``loss``."""
    return _curves([record for record in records if "iter" in record], _is_loss)


def score_curves(records: Sequence[Mapping[str, Any]]) -> Curves:
    """Return (epoch, value) of the main scores of every task, from the evaluations."""
    return _curves([record for record in records if "iter" not in record], _is_score)


def _is_loss(name: str) -> bool:
    return name.startswith("loss")


def _is_score(name: str) -> bool:
    return name.rpartition("/")[2] in SCORES or name.endswith("R@1/small")


def _curves(records: Sequence[Mapping[str, Any]], wanted: Any) -> Curves:
    curves: dict[str, dict[float, float]] = {}
    for record in records:
        for name, value in record.items():
            if wanted(name) and "step" in record and isinstance(value, int | float):
                # A resumed run repeats steps: the last value counts.
                curves.setdefault(name, {})[float(record["step"])] = float(value)
    return {name: sorted(points.items()) for name, points in curves.items()}


@matplotlib.rc_context(STYLE)
def curve_figure(curves: Curves, x_label: str, y_label: str) -> Figure:
    """Plot curves over the course of a training.

    Args:
        curves: Points by the name of their curve, at least one.
        x_label: What the steps are.
        y_label: What was measured.
    """
    figure = Figure(figsize=(6.4, 3.4 + 0.16 * len(curves)), layout="constrained")
    axes = figure.subplots()
    for place, (name, points) in enumerate(curves.items()):
        axes.plot(
            *zip(*points, strict=True),
            label=name,
            color=COLOURS[place % len(COLOURS)],
            marker=MARKERS[place % len(MARKERS)],
            markersize=3 if len(points) > 30 else 4,
            markevery=max(1, len(points) // 15),
            linewidth=1.2,
        )
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(color=GRID)
    figure.legend(loc="outside lower left", ncols=2)
    return figure
