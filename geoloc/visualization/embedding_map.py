"""Descriptors on a plane: their two principal components."""

from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from geoloc.errors import ConfigError
from geoloc.visualization.figure_style import COLOURS, GRID, MARKERS, STYLE

MOST_POINTS = 2000  # more are neither readable nor a small file
MOST_GROUPS = 18


class Components(NamedTuple):
    """Coordinates on principal axes.

    Attributes:
        points: float64 ``[n, K]``.
        share: Variance that every axis explains, as a fraction of all, ``[K]``.
    """

    points: NDArray[np.float64]
    share: NDArray[np.float64]


def principal_components(descriptors: ArrayLike, count: int = 2) -> Components:
    """Project descriptors onto the axes along which they vary most (PCA).

    Args:
        descriptors: ``[n, D]``, n at least 2.
        count: K, at most D.

    Raises:
        ConfigError: If there are too few rows or columns.
    """
    rows = np.asarray(descriptors, dtype=np.float64)
    if rows.ndim != 2 or len(rows) < 2 or rows.shape[1] < count:
        raise ConfigError(
            f"descriptors of shape {list(rows.shape)} have no {count} principal components; "
            f"[n, D] with n >= 2 and D >= {count} have"
        )
    centred = rows - rows.mean(axis=0)
    variance, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :count]
    # The sign of an axis is arbitrary: its largest entry is positive in every run.
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(count)]
    total = variance.sum()
    share = variance[::-1][:count].clip(0) / (total if total > 0 else 1.0)
    return Components(centred @ (axes * np.where(largest < 0, -1.0, 1.0)), share)


@matplotlib.rc_context(STYLE)
def embedding_figure(descriptors: ArrayLike, groups: ArrayLike, title: str) -> Figure:
    """Plot descriptors on their principal plane, with a colour and a marker per group.

    Args:
        descriptors: ``[n, D]``.
        groups: What the colour stands for, ``[n]``: the campus or the view of every image. The
            smallest of more than 18 groups share the last mark.
        title: What the groups are.
    """
    points, share = principal_components(descriptors)
    names = np.asarray(groups).astype(str)
    chosen = np.linspace(0, len(points) - 1, min(len(points), MOST_POINTS)).astype(np.int64)
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.subplots()
    called = _merged(names)
    legend = np.array([called[name] for name in names.tolist()])
    for place, name in enumerate(dict.fromkeys(called.values())):
        rows = chosen[legend[chosen] == name]
        axes.plot(
            *points[rows].T,
            linestyle="none",
            marker=MARKERS[place // len(COLOURS) % len(MARKERS)],
            color=COLOURS[place % len(COLOURS)],
            markersize=3.5,
            alpha=0.75,
            label=name,
        )
    some = "" if len(chosen) == len(points) else f" ({len(chosen)} of {len(points)} images)"
    axes.set_title(title + some, loc="left")
    axes.set_xlabel(f"first component ({100 * share[0]:.0f} % of the variance)")
    axes.set_ylabel(f"second component ({100 * share[1]:.0f} %)")
    axes.set_aspect("equal", adjustable="datalim")
    axes.grid(color=GRID)
    figure.legend(loc="outside lower left", ncols=6, markerscale=1.5)
    return figure


def _merged(names: NDArray[np.str_]) -> dict[str, str]:
    """Return what every group is called in the legend, in the order of the names."""
    found, counts = np.unique(names, return_counts=True)
    if len(found) <= MOST_GROUPS:
        return {str(name): str(name) for name in found}
    kept = set(found[np.argsort(-counts, kind="stable")[: MOST_GROUPS - 1]].tolist())
    rest = f"{len(found) - len(kept)} others"
    named = {name: name for name in found.tolist() if name in kept}
    return named | {name: rest for name in found.tolist() if name not in kept}
