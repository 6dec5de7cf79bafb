"""Positions spread evenly over the Earth (the Fibonacci lattice; González, 2010)."""

import numpy as np
from numpy.typing import NDArray

from geoloc.errors import ConfigError

_TURN = 180 * (3 - 5**0.5)  # the golden angle, in degrees


def fibonacci_sphere(size: int) -> NDArray[np.float64]:
    """Return (lat, lon) ``[size, 2]`` in degrees, each for an equal share of the area.

    Args:
        size: Number of positions, from south to north along a spiral.

    Raises:
        ConfigError: If ``size`` is not positive.
    """
    if size < 1:
        raise ConfigError(f"size={size} of a Fibonacci sphere must be positive")
    number = np.arange(size)
    lat = np.degrees(np.arcsin((2 * number + 1) / size - 1))
    lon = (number * _TURN + 180) % 360 - 180
    return np.stack([lat, lon], axis=1)
