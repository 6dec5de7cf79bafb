"""Many positions as sines and cosines, and the distances between them on the sphere."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoloc.geo.ellipsoid import FLATTENING, MEAN_RADIUS_M

Array = NDArray[np.float64]
Method = Literal["geodesic", "haversine"]


class Points(NamedTuple):
    """Sine and cosine of the (reduced) latitude, and the longitude in degrees; each ``[N]``."""

    sin: Array
    cos: Array
    lon: Array

    def rows(self, part: slice) -> "Points":
        """Return some points as the rows of a matrix, ``[n, 1]``."""
        return Points(self.sin[part, None], self.cos[part, None], self.lon[part, None])

    def columns(self, part: slice) -> "Points":
        """Return some points as the columns of a matrix, ``[1, n]``."""
        return Points(self.sin[None, part], self.cos[None, part], self.lon[None, part])

    def pick(self, pairs: NDArray[np.bool_]) -> "Points":
        """Return the points of chosen entries of a matrix as a list, ``[K]``."""
        return Points(*(np.broadcast_to(column, pairs.shape)[pairs] for column in self))


def reduced_points(latlon: Array, method: Method) -> Points:
    """Precompute what depends on one position.

    Args:
        latlon: (lat, lon) ``[N, 2]`` in degrees.
        method: ``geodesic`` takes reduced latitudes, ``haversine`` plain ones.
    """
    lat = np.radians(latlon[:, 0])
    if method == "haversine":
        return Points(np.sin(lat), np.cos(lat), latlon[:, 1])
    reduced = np.arctan2((1 - FLATTENING) * np.sin(lat), np.cos(lat))
    return Points(np.sin(reduced), np.cos(reduced), latlon[:, 1])


def longitude_difference(a: Points, b: Points) -> Array:
    """Return |lon_a - lon_b| the short way round, in radians within [0, pi]."""
    degrees = np.abs(a.lon - b.lon)
    return np.radians(np.minimum(degrees, 360.0 - degrees))


def haversine_block(a: Points, b: Points) -> Array:
    """Return the distances in metres on the sphere, of points that broadcast."""
    half_lon = 0.5 * longitude_difference(a, b)
    # sin^2((lat_a - lat_b) / 2) from the difference of angles, not of cosines: no cancellation
    half_lat = 0.5 * (np.arctan2(a.sin, a.cos) - np.arctan2(b.sin, b.cos))
    chord = np.sin(half_lat) ** 2 + a.cos * b.cos * np.sin(half_lon) ** 2
    angle: Array = 2 * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))
    return MEAN_RADIUS_M * angle
