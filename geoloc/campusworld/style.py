"""The look of a campus: palettes, and the smooth fields that drift through them.

Nearness can be seen because every attribute below changes over tens to hundreds of metres; a
building adds its own variation on top.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from geoloc.campusworld.fields import SmoothFields

Array = NDArray[np.float64]

SCALES_M = (60.0, 150.0, 400.0)
DEVIATIONS = (0.35, 0.6, 0.75)


class Style(IntEnum):
    """The smooth attributes, by their position in the fields."""

    GRASS = 0
    PAVING = 1
    ROAD = 2
    ROOF = 3
    FACADE = 4
    FOLIAGE = 5
    DENSITY = 6  # of vegetation
    GRAIN = 7  # of buildings: many small ones to few large ones
    HEIGHT = 8
    PITCHED = 9
    TREE_SIZE = 10
    PAVED = 11  # share of the open ground that is paved


# Paths through plausible sRGB colours; neighbours on a path blend into each other.
PALETTES: dict[Style, tuple[tuple[int, int, int], ...]] = {
    Style.GRASS: (
        (54, 90, 42), (72, 106, 48), (90, 118, 54), (110, 126, 64), (134, 134, 80), (150, 136, 96),
    ),
    Style.PAVING: (
        (128, 130, 134), (164, 164, 160), (188, 180, 164), (190, 164, 130), (176, 128, 104),
    ),
    Style.ROAD: ((66, 68, 74), (88, 90, 94), (116, 116, 114), (148, 144, 136)),
    Style.ROOF: (
        (76, 112, 156), (112, 140, 164), (164, 172, 176), (216, 216, 212), (186, 178, 164),
        (186, 146, 112), (174, 96, 68), (138, 70, 56), (104, 80, 74), (84, 86, 92),
    ),
    Style.FACADE: (
        (150, 82, 64), (180, 120, 88), (204, 168, 116), (222, 206, 172), (230, 226, 216),
        (196, 202, 206), (158, 164, 168), (128, 120, 112),
    ),
    Style.FOLIAGE: (
        (30, 56, 40), (40, 72, 38), (54, 88, 40), (74, 102, 44), (98, 112, 50), (126, 116, 54),
    ),
}  # fmt: skip


def style_fields(
    rng: np.random.Generator, size_m: float, campus_style: float, common: Array
) -> SmoothFields:
    """Return the unit-variance style fields of a campus, one per :class:`Style`.

    Args:
        rng: Source of what drifts over the campus.
        size_m: Side of the campus in m.
        campus_style: Share of the variance that the whole campus has in common, 0 .. 1.
        common: What it has in common, from :func:`campus_styles`, ``[len(Style)]``.
    """
    drift = np.sqrt(1.0 - campus_style) * np.array(DEVIATIONS)
    means = np.sqrt(campus_style) * common
    return SmoothFields(rng, len(Style), size_m, SCALES_M, drift.tolist(), means)


def campus_styles(rng: np.random.Generator, campuses: int) -> Array:
    """Return what each of some campuses has in common, of mean 0 and variance 1 per style.

    Each style takes evenly spaced quantiles of the normal distribution, in an order of its own (a
    Latin hypercube): a few campuses drawn freely would often look alike.

    Args:
        rng: Source of the orders.
        campuses: Their number.

    Returns:
        ``[campuses, len(Style)]``.
    """
    quantiles = ndtri((np.arange(campuses) + 0.5) / campuses)
    spread = quantiles.std()
    levels = quantiles / spread if spread > 0 else quantiles
    return np.stack([rng.permutation(levels) for _ in Style], axis=1)


def unit(value: Array) -> Array:
    """Map a unit-variance field to ``(0, 1)``, nearly uniformly (a logistic normal CDF)."""
    return np.asarray(1.0 / (1.0 + np.exp(-1.702 * value)))


def colour(attribute: Style, position: Array | float) -> Array:
    """Return the sRGB colour ``[..., 3]`` at a position in ``[0, 1]`` of a palette."""
    path = np.asarray(PALETTES[attribute], dtype=np.float64)
    where = np.clip(position, 0.0, 1.0) * (len(path) - 1)
    stops = np.arange(len(path))
    return np.stack([np.interp(where, stops, path[:, k]) for k in range(3)], axis=-1)
