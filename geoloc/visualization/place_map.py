"""The places of a dataset on the ground, campus by campus."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from geoloc.geo import campus_labels, check_latlon
from geoloc.visualization.figure_style import GRID, MARKERS, STYLE
from geoloc.visualization.projection import Projection, middle
from geoloc.visualization.relevance_colours import UNKNOWN, ring_colours, ring_names

COLUMNS = 3
MOST_CAMPUSES = 12
CAMPUS_RADIUS_M = 1000.0


@matplotlib.rc_context(STYLE)
def place_figure(
    latlon: ArrayLike, errors_m: ArrayLike, thresholds_m: Sequence[float] = (200.0, 500.0)
) -> Figure:
    """Plot places as dots, one panel per campus with axes in metres, all at one scale.

    Args:
        latlon: WGS-84 (lat, lon) of the places in degrees ``[C, 2]``, at least one.
        errors_m: Error of every place's queries in metres ``[C]``; NaN where it has none.
        thresholds_m: Bounds of the colours, ascending.
    """
    rows, errors = check_latlon(latlon), np.asarray(errors_m, dtype=np.float64)
    campuses = largest_campuses(rows)
    columns = min(COLUMNS, len(campuses))
    lines = -(-len(campuses) // columns)
    figure = Figure(figsize=(1.4 + 2.4 * columns, 0.8 + 2.5 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    points = [Projection("local", *middle(rows[campus]))(rows[campus]) for campus in campuses]
    half = 1.1 * max(50.0, *(float(np.abs(each).max()) for each in points))
    for axes, campus, each in zip(panels, campuses, points, strict=False):
        _draw_places(axes, each, errors[campus], thresholds_m)
        lat, lon = middle(rows[campus])
        count = f"{len(campus)} place{'' if len(campus) == 1 else 's'}"
        axes.set_title(f"{lat:.3f}, {lon:.3f}: {count}", loc="left", fontsize=8)
        axes.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
        axes.grid(color=GRID)
        axes.tick_params(labelsize=7)
    for axes in panels[len(campuses) :]:
        axes.set_axis_off()
    figure.supxlabel("metres to the east", fontsize=8)
    figure.supylabel("metres to the north", fontsize=8)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=max(2, 2 * columns - 1))
    return figure


def _draw_places(
    axes: Axes, points: NDArray[np.float64], errors: NDArray[np.float64], bounds: Sequence[float]
) -> None:
    """Draw every kind of place, also those that are not there, which the legend names."""
    ring = np.where(np.isnan(errors), -1, np.searchsorted(bounds, errors, side="left"))
    names = zip(ring_names(bounds), ring_colours(len(bounds)), MARKERS, strict=False)
    for place, (name, colour, marker) in enumerate(names):
        chosen = points[ring == place].T
        axes.plot(*chosen, marker, color=colour, markersize=4, linestyle="none", label=name)
    axes.plot(*points[ring == -1].T, "x", color=UNKNOWN, markersize=4, label="no query")


def largest_campuses(latlon: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Return the rows of every campus, the largest first, twelve at most."""
    labels = campus_labels(latlon, CAMPUS_RADIUS_M)
    order = np.argsort(-np.bincount(labels), kind="stable")[:MOST_CAMPUSES]
    return [np.flatnonzero(labels == campus) for campus in order]
