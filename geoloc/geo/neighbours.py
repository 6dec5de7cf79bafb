"""Near pairs: all places within a radius of one another, without a matrix of all distances."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from geoloc.errors import ConfigError
from geoloc.geo.coordinates import check_latlon
from geoloc.geo.earth_centred import earth_centred
from geoloc.geo.geodesy import geodesic_distance_of_pairs

_ROUNDING_M = 1e-3  # far above the rounding of a chord (1e-8 m), and few pairs are that close to r


class NearPairs(NamedTuple):
    """Pairs of positions, rows ascending and within a row columns ascending.

    Attributes:
        row: Position in the first set, int64 ``[P]``.
        column: Position in the second set, int64 ``[P]``.
        distance_m: Their distance in metres, float64 ``[P]``.
    """

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    distance_m: NDArray[np.float64]


def near_pairs(latlon_a: ArrayLike, latlon_b: ArrayLike, radius_m: float) -> NearPairs:
    """Return all pairs of positions that are at most ``radius_m`` apart on the ellipsoid.

    A straight line through the Earth is never longer than the way on the ground, so the pairs whose
    chord is within the radius hold all that are wanted. A tree finds them, and the geodesic decides
    among them. The distances are those of :func:`geodesic_distance` to the last bit. Memory grows
    with the number of pairs found: about 60 bytes for each.

    Args:
        latlon_a: WGS-84 (lat, lon) ``[N,2]`` in degrees.
        latlon_b: WGS-84 (lat, lon) ``[M,2]`` in degrees; the same object as ``latlon_a`` halves
            the work, and every position is then near itself.
        radius_m: Largest distance in metres, inclusive.

    Raises:
        CoordinateError: If a row is not a position on Earth.
        ConfigError: If the radius is not a distance.
    """
    if not 0 <= radius_m < np.inf:
        raise ConfigError(f"radius_m={radius_m!r} must be a distance in metres, 0 or more, finite")
    symmetric = latlon_a is latlon_b
    a = check_latlon(latlon_a, "latlon_a")
    b = a if symmetric else check_latlon(latlon_b, "latlon_b")
    tree = cKDTree(earth_centred(a))
    reach_m = radius_m + _ROUNDING_M
    if symmetric:
        row, column = tree.query_pairs(reach_m, output_type="ndarray").T  # row < column
    else:
        other = cKDTree(earth_centred(b))
        chords = tree.sparse_distance_matrix(other, reach_m, output_type="ndarray")
        row, column = chords["i"], chords["j"]
    distance = geodesic_distance_of_pairs(a[row], b[column])
    near = distance <= radius_m
    row, column, distance = row[near], column[near], distance[near]
    if symmetric:
        own = np.arange(len(a))
        row, column = np.concatenate([row, own, column]), np.concatenate([column, own, row])
        distance = np.concatenate([distance, np.zeros(len(a)), distance])
    order = np.lexsort((column, row))
    return NearPairs(row[order], column[order], distance[order])
