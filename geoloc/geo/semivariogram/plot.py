"""Picture of a semivariogram: the points with their counts, the curve, the spread, the range."""

from pathlib import Path
from typing import Any

import matplotlib
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from geoloc.errors import ConfigError
from geoloc.geo.semivariogram.semivariogram import Semivariogram

_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "geoloc",  # the same picture is the same file
}
_POINT, _CURVE, _RANGE, _BAR = "#0072b2", "#d55e00", "#009e73", "#80808060"
_SUFFIXES = (".svg", ".png")


@matplotlib.rc_context(_STYLE)
def plot_semivariogram(semivariogram: Semivariogram, path: str | Path) -> None:
    """Write a picture.

    Args:
        semivariogram: With or without a curve.
        path: Where to, ``.svg`` or ``.png``.

    Raises:
        ConfigError: If the suffix is another one.
    """
    file = Path(path)
    if file.suffix not in _SUFFIXES:
        raise ConfigError(f"{file} must end in {' or '.join(_SUFFIXES)}")
    figure = Figure(figsize=(6, 4.2), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    edges = semivariogram.empirical.edges_km
    positive = edges[edges > 0]
    if len(positive) and float(positive[-1] / positive[0]) > 1000:
        upper.set_xscale("symlog", linthresh=float(positive[0]))
    _draw_curve(upper, semivariogram)
    _draw_counts(lower, semivariogram)
    # without a date, the same semivariogram gives the same file
    figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else None)


def _draw_curve(axes: Axes, semivariogram: Semivariogram) -> None:
    empirical, filled = semivariogram.empirical, semivariogram.filled
    lag, gamma, spread = (
        column[filled].numpy() for column in (empirical.lag_km, empirical.gamma, empirical.spread)
    )
    axes.errorbar(
        lag, gamma, spread, fmt="o", color=_POINT, ecolor=_BAR, label="mean and spread per bin"
    )
    if (curve := semivariogram.curve) is not None:
        grid = torch.linspace(0, float(empirical.edges_km[-1]), 2000, dtype=torch.float64)
        grid = torch.cat([grid, empirical.edges_km]).sort().values
        label = f"{curve.model}, R\u00b2 {semivariogram.r2:.2f}"
        axes.plot(grid.numpy(), curve.gamma(grid).numpy(), color=_CURVE, label=label)
        axes.axvline(
            semivariogram.range_km,
            color=_RANGE,
            linestyle="--",
            label=f"range {semivariogram.range_km:.3g} km",
        )
        axes.set_xlim(0, float(empirical.edges_km[-1]))
    axes.set_ylabel("dissimilarity")
    axes.set_title(f"Semivariogram: {semivariogram.status}", loc="left")
    axes.legend(loc="lower right")


def _draw_counts(axes: Axes, semivariogram: Semivariogram) -> None:
    empirical = semivariogram.empirical
    edges = empirical.edges_km.numpy()
    axes.bar(
        edges[:-1],
        empirical.count.numpy(),
        width=edges[1:] - edges[:-1],
        align="edge",
        color=_BAR,
        edgecolor=_POINT,
    )
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylabel("pairs")
    axes.set_xlabel("distance on the ground (km)")
