"""Relevance levels from distances: how near a gallery item is to a query."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoloc.errors import ConfigError

DA_CAMPUS_THRESHOLDS_M = (3.0, 200.0, 500.0)


def check_thresholds(thresholds_m: Sequence[float]) -> tuple[float, ...]:
    """Return the thresholds as floats in metres.

    Raises:
        ConfigError: If they are not finite, positive and strictly increasing.
    """
    bounds = tuple(float(bound) for bound in thresholds_m)
    rising = all(low < high for low, high in zip((0.0, *bounds), bounds, strict=False))
    if not bounds or not rising or not np.isfinite(bounds[-1]):
        raise ConfigError(
            f"thresholds_m={tuple(thresholds_m)!r} must be positive, finite and strictly "
            f"increasing distances in metres, for example {DA_CAMPUS_THRESHOLDS_M!r}"
        )
    return bounds


def relevance_levels(
    distance_m: ArrayLike, thresholds_m: Sequence[float] = DA_CAMPUS_THRESHOLDS_M
) -> NDArray[np.int8]:
    """Return the number of thresholds ``t`` with ``distance <= t``, for every distance.

    With the default thresholds of DA-Campus: 3 same place, 2 within 200 m, 1 within 500 m,
    0 beyond (DyCL, arXiv 2506.23077, section III; bounds inclusive).

    Args:
        distance_m: Distances in metres, any shape.
        thresholds_m: Positive, strictly increasing bounds in metres.

    Returns:
        Levels int8 with the shape of ``distance_m``; higher is nearer.

    Raises:
        ConfigError: If the thresholds are not positive and strictly increasing.
        ValueError: If a distance is NaN.
    """
    bounds = check_thresholds(thresholds_m)
    distance = np.asarray(distance_m, dtype=np.float64)
    undefined = np.isnan(distance)
    if undefined.any():
        first = tuple(int(axis) for axis in np.argwhere(undefined)[0])
        raise ValueError(f"distance_m{list(first)} is NaN: a level needs a distance in metres")
    levels = np.zeros(distance.shape, dtype=np.int8)
    for bound in bounds:
        levels += distance <= bound
    return levels
