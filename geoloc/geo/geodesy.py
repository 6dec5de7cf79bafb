"""Distances and azimuths on the ground between many positions at once.

The geodesic on the WGS-84 ellipsoid is the great-circle problem on the auxiliary sphere of reduced
latitudes, solved by iteration (``geodesic_iteration``) or, for the nearly antipodal pairs that this
leaves open, by bisection (``antipodal_pairs``).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from geoloc.errors import ConfigError
from geoloc.geo.antipodal_pairs import bisected_azimuth, bisected_distance
from geoloc.geo.coordinates import check_latlon
from geoloc.geo.geodesic_iteration import azimuth_block, geodesic_block
from geoloc.geo.sphere_points import Array, Method, Points, haversine_block, reduced_points

_BLOCK_PAIRS = 1 << 12  # the intermediate arrays of one block stay in the L2 cache


def geodesic_distance(
    latlon_a: ArrayLike, latlon_b: ArrayLike, method: Method = "geodesic"
) -> Array:
    """Return the distance in metres between every position of ``a`` and every position of ``b``.

    Args:
        latlon_a: WGS-84 (lat, lon) ``[N,2]`` in degrees.
        latlon_b: WGS-84 (lat, lon) ``[M,2]`` in degrees; the same object as ``latlon_a`` halves
            the work.
        method: ``geodesic`` (ellipsoid, exact to 1e-5 m anywhere) or ``haversine`` (sphere of
            radius 6371008.8 m, within 0.5 % of the geodesic).

    Returns:
        Distances float64 ``[N,M]`` in metres.

    Raises:
        CoordinateError: If a row is not a position on Earth.
        ConfigError: If ``method`` is neither of the two.
    """
    block = _block_of(method)
    symmetric = latlon_a is latlon_b
    a = check_latlon(latlon_a, "latlon_a")
    b = a if symmetric else check_latlon(latlon_b, "latlon_b")
    points = reduced_points(a, method)
    others = points if symmetric else reduced_points(b, method)
    distance = _by_blocks(block, points, others, symmetric)
    rows, columns = np.nonzero(np.isnan(distance))
    distance[rows, columns] = _pairs_by_blocks(bisected_distance, a[rows], b[columns], method)
    return distance


def geodesic_distance_of_pairs(
    latlon_a: ArrayLike, latlon_b: ArrayLike, method: Method = "geodesic"
) -> Array:
    """Return the distance in metres between row i of ``a`` and row i of ``b``, for every i.

    A distance is the same to the last bit as in the matrix of :func:`geodesic_distance`, whichever
    other pairs are asked for.

    Args:
        latlon_a: WGS-84 (lat, lon) ``[P,2]`` in degrees.
        latlon_b: WGS-84 (lat, lon) ``[P,2]`` in degrees.
        method: As for :func:`geodesic_distance`.

    Returns:
        Distances float64 ``[P]`` in metres.

    Raises:
        CoordinateError: If a row is not a position on Earth.
        ConfigError: If ``method`` is neither of the two.
        ValueError: If there are not as many rows in ``a`` as in ``b``.
    """
    block = _block_of(method)
    a, b = _checked_pairs(latlon_a, latlon_b)
    distance = _pairs_by_blocks(block, a, b, method)
    unsolved = np.flatnonzero(np.isnan(distance))
    distance[unsolved] = _pairs_by_blocks(bisected_distance, a[unsolved], b[unsolved], method)
    return distance


def azimuth_of_pairs(latlon_a: ArrayLike, latlon_b: ArrayLike) -> Array:
    """Return in which direction row i of ``b`` lies from row i of ``a``, along the geodesic.

    Args:
        latlon_a: WGS-84 (lat, lon) ``[P,2]`` in degrees.
        latlon_b: WGS-84 (lat, lon) ``[P,2]`` in degrees.

    Returns:
        Azimuths float64 ``[P]`` in degrees clockwise from north, within [-180, 180]; 0 between
        equal positions. At a pole, north is the direction of the given longitude.

    Raises:
        CoordinateError: If a row is not a position on Earth.
        ValueError: If there are not as many rows in ``a`` as in ``b``.
    """
    a, b = _checked_pairs(latlon_a, latlon_b)
    azimuth = _pairs_by_blocks(azimuth_block, a, b, "geodesic")
    unsolved = np.flatnonzero(np.isnan(azimuth))
    azimuth[unsolved] = _pairs_by_blocks(bisected_azimuth, a[unsolved], b[unsolved], "geodesic")
    east = (b[:, 1] - a[:, 1]) % 360.0
    degrees: Array = np.degrees(np.where(east > 180.0, -azimuth, azimuth))
    return degrees


def _checked_pairs(latlon_a: ArrayLike, latlon_b: ArrayLike) -> tuple[Array, Array]:
    a, b = check_latlon(latlon_a, "latlon_a"), check_latlon(latlon_b, "latlon_b")
    if len(a) != len(b):
        raise ValueError(
            f"pairs need as many positions in latlon_a as in latlon_b, got {len(a)} and {len(b)}; "
            "geodesic_distance compares every one with every other"
        )
    return a, b


_Block = Callable[[Points, Points], Array]


def _block_of(method: Method) -> _Block:
    if method not in ("geodesic", "haversine"):
        raise ConfigError(f"method={method!r} must be 'geodesic' or 'haversine'")
    return geodesic_block if method == "geodesic" else haversine_block


def _by_blocks(block: _Block, a: Points, b: Points, symmetric: bool) -> Array:
    """Fill the matrix in row blocks; of a symmetric one compute the upper part and mirror it."""
    rows, columns = a.lon.size, b.lon.size
    distance = np.empty((rows, columns))
    start = 0
    while start < rows:
        first = start if symmetric else 0
        stop = min(rows, start + max(1, _BLOCK_PAIRS // max(1, columns - first)))
        part = block(a.rows(slice(start, stop)), b.columns(slice(first, None)))
        if symmetric:
            corner = part[:, : stop - start]
            corner[:] = np.triu(corner) + np.triu(corner, 1).T  # its two orders differ by 1e-10 m
            distance[first:, start:stop] = part.T
        distance[start:stop, first:] = part
        start = stop
    return distance


def _pairs_by_blocks(block: _Block, a: Array, b: Array, method: Method) -> Array:
    """Return what a block function tells of pairs of positions ``[K,2]``, some at a time."""
    distance = np.empty(len(a))
    for start in range(0, len(a), _BLOCK_PAIRS):
        part = slice(start, start + _BLOCK_PAIRS)
        distance[part] = block(reduced_points(a[part], method), reduced_points(b[part], method))
    return distance
