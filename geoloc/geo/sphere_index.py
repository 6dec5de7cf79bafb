"""Nearest neighbours on the sphere, for galleries of any size."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from geoloc.errors import ConfigError
from geoloc.geo.coordinates import check_latlon
from geoloc.geo.great_circle import RADIUS_KM
from geoloc.geo.unit_sphere import unit_vectors


class NearestPositions(NamedTuple):
    """The nearest gallery positions of some queries, nearest first.

    Attributes:
        row: Positions in the gallery, int64 ``[Q, k]``.
        distance_km: Great-circle distances, float64 ``[Q, k]``.
    """

    row: NDArray[np.int64]
    distance_km: NDArray[np.float64]


class SphereIndex:
    """A tree over unit vectors: the order of straight lines is that of great circles.

    Poles and the date line are places like any other. Of gallery positions at equal distances any
    may come first.

    Args:
        latlon: The gallery's (lat, lon) ``[G, 2]`` in degrees.

    Raises:
        CoordinateError: If a row is not a position on Earth.
        ConfigError: If there is none.
    """

    def __init__(self, latlon: ArrayLike) -> None:
        vectors = unit_vectors(check_latlon(latlon, "latlon"))
        if not len(vectors):
            raise ConfigError("latlon: an index of neighbours needs at least one position")
        self._tree = cKDTree(vectors)

    def __len__(self) -> int:
        return int(self._tree.n)

    def nearest(self, latlon: ArrayLike, k: int = 1) -> NearestPositions:
        """Return the k nearest gallery positions of every query.

        Args:
            latlon: The queries' (lat, lon) ``[Q, 2]`` in degrees.
            k: 1 .. G.

        Raises:
            CoordinateError: If a row is not a position on Earth.
            ConfigError: If the gallery has less than k positions.
        """
        if not 1 <= k <= len(self):
            raise ConfigError(f"k={k} must be from 1 to the {len(self)} positions of the gallery")
        queries = unit_vectors(check_latlon(latlon, "latlon"))
        chord, index = self._tree.query(queries, k=range(1, k + 1))
        arc = 2 * np.arcsin(np.minimum(chord / 2, 1.0))
        return NearestPositions(index.astype(np.int64), RADIUS_KM * arc)
