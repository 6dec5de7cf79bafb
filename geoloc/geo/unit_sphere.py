"""Positions as points of the unit sphere, where no direction has an edge."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def unit_vectors(latlon: Array) -> Array:
    """Return positions (lat, lon) ``[n, 2]`` in degrees as unit vectors ``[n, 3]``."""
    lat, lon = np.radians(latlon).T
    across = np.cos(lat)
    return np.stack([across * np.cos(lon), across * np.sin(lon), np.sin(lat)], axis=1)


def latlon_of(vectors: Array) -> Array:
    """Return vectors ``[n, 3]`` of any length as positions (lat, lon) ``[n, 2]`` in degrees."""
    x, y, z = vectors.T
    lat, lon = np.arctan2(z, np.hypot(x, y)), np.arctan2(y, x)
    return np.stack([np.degrees(lat), np.degrees(lon)], axis=1)
