"""How the errors of a task are distributed: histogram and cumulative share over metres."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter
from numpy.typing import ArrayLike, NDArray

from geoloc.errors import ConfigError
from geoloc.visualization.figure_style import COLOURS, GRID, STYLE
from geoloc.visualization.relevance_colours import metres

BINS_PER_DECADE = 4
LEAST_M = 1.0  # a logarithm has no zero: what is nearer counts as one metre


def error_histogram(errors_m: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count errors in bins of equal steps of their logarithm.

    Args:
        errors_m: Errors in metres ``[n]``, finite, at least one.

    Returns:
        Counts ``[B]`` and edges ``[B + 1]`` in metres; the first bin holds all errors below
        its upper edge.
    """
    errors = _checked(errors_m)
    decades = max(1, int(np.ceil(np.log10(max(errors.max(), 10 * LEAST_M)) + 1e-9)))
    edges = np.logspace(0, decades, BINS_PER_DECADE * decades + 1)
    counts, _ = np.histogram(errors.clip(LEAST_M, edges[-1]), edges)
    return counts.astype(np.int64), edges


def error_shares(errors_m: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ascending errors in metres ``[n]`` and the share within each in percent ``[n]``."""
    errors = np.sort(_checked(errors_m))
    return errors, 100 * np.searchsorted(errors, errors, side="right") / errors.size


@matplotlib.rc_context(STYLE)
def error_figure(errors_m: ArrayLike, thresholds_m: Sequence[float] = ()) -> Figure:
    """Plot the histogram of errors and, below, the share of queries within any distance.

    Args:
        errors_m: Errors in metres ``[n]``, finite, at least one.
        thresholds_m: Distances to mark.

    Raises:
        ConfigError: If there is no error, or one is negative or not finite.
    """
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    upper, lower = figure.subplots(2, sharex=True)
    counts, edges = error_histogram(errors_m)
    upper.bar(edges[:-1], counts, np.diff(edges), align="edge", color=COLOURS[0], edgecolor="white")
    upper.set_ylabel("queries")
    errors, shares = error_shares(errors_m)
    # A step from 0, and on to the end of the axis.
    x = np.concatenate([[LEAST_M], errors.clip(LEAST_M), edges[-1:]])
    y = np.concatenate([[100 * float(np.mean(errors <= LEAST_M))], shares, [100.0]])
    lower.plot(x, y, color=COLOURS[0], drawstyle="steps-post")
    lower.set(ylabel="queries within (%)", xlabel="error (m), below 1 m at 1 m", ylim=(0, 103))
    for axes in (upper, lower):
        axes.set_xscale("log")
        axes.grid(color=GRID)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    _mark(lower, [bound for bound in thresholds_m if LEAST_M < bound < edges[-1]])
    return figure


def _mark(axes: Axes, thresholds_m: Sequence[float]) -> None:
    for threshold in thresholds_m:
        axes.axvline(threshold, color=COLOURS[5], linewidth=1, linestyle="--")
        at = axes.annotate(metres(threshold), (threshold, 2), (2, 0), textcoords="offset points")
        at.set(fontsize=7, rotation=90)


def _checked(errors_m: ArrayLike) -> NDArray[np.float64]:
    errors = np.asarray(errors_m, dtype=np.float64)
    if errors.ndim != 1 or not errors.size or not (np.isfinite(errors) & (errors >= 0)).all():
        raise ConfigError("errors_m must be at least one finite distance >= 0 in metres")
    return errors
