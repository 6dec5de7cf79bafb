"""Distances and azimuths on the ground between many positions at once.

The geodesic on the WGS-84 ellipsoid is the great-circle problem on the auxiliary sphere of reduced
latitudes (Vincenty, *Survey Review* 23(176), 1975), solved for the spherical longitude difference
by fixed-point iteration. The two integrals along the arc use the series of Karney (*Journal of
Geodesy* 87, 2013, eqs. 15-25), because Vincenty's own end at 0.1 mm. Nearly antipodal pairs, where
the iteration does not contract, are solved by bisection of the azimuth (Karney, section 4).
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoloc.errors import ConfigError
from geoloc.geo.coordinates import check_latlon

Array = NDArray[np.float64]
Method = Literal["geodesic", "haversine"]

EQUATORIAL_RADIUS_M = 6378137.0
FLATTENING = 1 / 298.257223563
MEAN_RADIUS_M = 6371008.8

_POLAR_RADIUS_M = EQUATORIAL_RADIUS_M * (1 - FLATTENING)
_E2 = FLATTENING * (2 - FLATTENING)
_SECOND_E2 = _E2 / (1 - _E2)
_N = FLATTENING / (2 - FLATTENING)

_TOLERANCE_RAD = 1e-9  # squared by the last correction: distances are exact to 1e-8 m
_ROUNDS = 4  # campuses take 1 or 2; near the antipode it contracts slowly
_HALVINGS = 100
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
    points = _reduce(a, method)
    distance = _by_blocks(block, points, points if symmetric else _reduce(b, method), symmetric)
    rows, columns = np.nonzero(np.isnan(distance))
    distance[rows, columns] = _pairs_by_blocks(_bisect, a[rows], b[columns], method)
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
    distance[unsolved] = _pairs_by_blocks(_bisect, a[unsolved], b[unsolved], method)
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
    azimuth = _pairs_by_blocks(_azimuth_block, a, b, "geodesic")
    unsolved = np.flatnonzero(np.isnan(azimuth))
    azimuth[unsolved] = _pairs_by_blocks(_bisected_azimuth, a[unsolved], b[unsolved], "geodesic")
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


class _Points(NamedTuple):
    """Sine and cosine of the (reduced) latitude, and the longitude in degrees; each ``[N]``."""

    sin: Array
    cos: Array
    lon: Array

    def rows(self, part: slice) -> "_Points":
        return _Points(self.sin[part, None], self.cos[part, None], self.lon[part, None])

    def columns(self, part: slice) -> "_Points":
        return _Points(self.sin[None, part], self.cos[None, part], self.lon[None, part])

    def pick(self, pairs: NDArray[np.bool_]) -> "_Points":
        return _Points(*(np.broadcast_to(column, pairs.shape)[pairs] for column in self))


_Block = Callable[[_Points, _Points], Array]


def _block_of(method: Method) -> _Block:
    if method not in ("geodesic", "haversine"):
        raise ConfigError(f"method={method!r} must be 'geodesic' or 'haversine'")
    return _ellipsoid_block if method == "geodesic" else _sphere_block


def _reduce(latlon: Array, method: Method) -> _Points:
    """Precompute what depends on one position: reduced latitude for the ellipsoid."""
    lat = np.radians(latlon[:, 0])
    if method == "haversine":
        return _Points(np.sin(lat), np.cos(lat), latlon[:, 1])
    reduced = np.arctan2((1 - FLATTENING) * np.sin(lat), np.cos(lat))
    return _Points(np.sin(reduced), np.cos(reduced), latlon[:, 1])


def _by_blocks(block: _Block, a: _Points, b: _Points, symmetric: bool) -> Array:
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
        distance[part] = block(_reduce(a[part], method), _reduce(b[part], method))
    return distance


def _longitude_difference(a: _Points, b: _Points) -> Array:
    """Return |lon_a - lon_b| the short way round, in radians within [0, pi]."""
    degrees = np.abs(a.lon - b.lon)
    return np.radians(np.minimum(degrees, 360.0 - degrees))


def _sphere_block(a: _Points, b: _Points) -> Array:
    half_lon = 0.5 * _longitude_difference(a, b)
    # sin^2((lat_a - lat_b) / 2) from the difference of angles, not of cosines: no cancellation
    half_lat = 0.5 * (np.arctan2(a.sin, a.cos) - np.arctan2(b.sin, b.cos))
    chord = np.sin(half_lat) ** 2 + a.cos * b.cos * np.sin(half_lon) ** 2
    angle: Array = 2 * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))
    return MEAN_RADIUS_M * angle


class _Arc(NamedTuple):
    """A geodesic on the auxiliary sphere."""

    sigma: Array  # arc length
    sin_sigma: Array
    cos_sigma: Array
    cos_sum: Array  # cosine of sigma_1 + sigma_2, both measured from the equator crossing
    sin_alpha0: Array  # sine of the azimuth at the equator crossing
    epsilon: Array  # expansion parameter of the series (Karney eq. 16)


def _arc(
    sigma: Array, sin_sigma: Array, cos_sigma: Array, cos_sum: Array, sin_alpha0: Array
) -> _Arc:
    k2 = _SECOND_E2 * (1 - sin_alpha0**2)
    epsilon = k2 / (2 * (1 + np.sqrt(1 + k2)) + k2)
    return _Arc(sigma, sin_sigma, cos_sigma, cos_sum, sin_alpha0, epsilon)


def _harmonics(arc: _Arc, c1: Array, c2: Array, c3: Array) -> Array:
    """Return sum_l c_l (sin 2l sigma_2 - sin 2l sigma_1), free of cancellation for short arcs."""
    m, cos = arc.cos_sum, arc.cos_sigma
    third = c3 * (m * (4 * m * m - 3)) * (4 * cos * cos - 1)
    return 2 * arc.sin_sigma * (c1 * m + c2 * (2 * m * m - 1) * (2 * cos) + third)


def _length_m(arc: _Arc) -> Array:
    """Return the length of the arc on the ellipsoid (Karney eqs. 15, 17, 18)."""
    e = arc.epsilon
    e2 = e * e
    scale = (1 + e2 / 4 + e2 * e2 / 64) / (1 - e)
    waves = _harmonics(arc, e * (3 / 16 * e2 - 1 / 2), e2 * (e2 / 32 - 1 / 16), e2 * e * (-1 / 48))
    return _POLAR_RADIUS_M * scale * (arc.sigma + waves)


def _longitude_deficit(arc: _Arc) -> Array:
    """Return omega - lambda: spherical minus geographic longitude (Karney eqs. 23-25)."""
    e, n = arc.epsilon, _N
    e2 = e * e
    scale = 1 - e * ((1 - n) / 2 + e * ((2 + n - 3 * n * n) / 8 + e * (1 + 3 * n + n * n) / 16))
    c1 = e * ((1 - n) / 4 + e * ((1 - n * n) / 8 + e * (3 + 3 * n - n * n) / 64))
    c2 = e2 * ((2 - 3 * n + n * n) / 32 + e * (3 - 2 * n - 3 * n * n) / 64)
    c3 = e2 * e * (5 - 9 * n + 5 * n * n) / 192
    return FLATTENING * arc.sin_alpha0 * scale * (arc.sigma + _harmonics(arc, c1, c2, c3))


def _ellipsoid_block(a: _Points, b: _Points) -> Array:
    """Return geodesic distances, NaN for the nearly antipodal pairs that do not converge."""
    longitude = _longitude_difference(a, b)
    distance = _iterate(a, b, longitude, _ROUNDS)
    rest = np.isnan(distance)
    if rest.any():
        distance[rest] = _iterate(a.pick(rest), b.pick(rest), longitude[rest], 2 * _ROUNDS)
    return distance


class _Solution(NamedTuple):
    """Where the iteration for the spherical longitude difference has come."""

    omega: Array
    arc: _Arc
    step: Array  # by which the difference is still wrong
    converged: NDArray[np.bool_]


def _iterate(a: _Points, b: _Points, longitude: Array, rounds: int) -> Array:
    """Return geodesic distances; NaN where they take more rounds."""
    solution = _solve(a, b, longitude, rounds)
    # First variation: moving the end along its parallel adds ds = a sin(alpha_0) d(lambda).
    ahead = EQUATORIAL_RADIUS_M * solution.arc.sin_alpha0 * solution.step
    return np.where(solution.converged, _length_m(solution.arc) + ahead, np.nan)


def _azimuth_block(a: _Points, b: _Points) -> Array:
    """Return azimuths in [0, pi], as if all were eastwards; NaN where they take more rounds."""
    solution = _solve(a, b, _longitude_difference(a, b), 3 * _ROUNDS)
    omega = solution.omega + solution.step
    east, north = b.cos * np.sin(omega), a.cos * b.sin - a.sin * b.cos * np.cos(omega)
    return np.where(solution.converged, np.arctan2(east, north), np.nan)


def _solve(a: _Points, b: _Points, longitude: Array, rounds: int) -> _Solution:
    """Solve for the spherical longitude difference, as far as the rounds lead."""
    sines, cosines = a.sin * b.sin, a.cos * b.cos
    cross_ab, cross_ba = a.cos * b.sin, a.sin * b.cos
    # Karney's start for short lines, right to third order: campus pairs need one or two rounds.
    cos2_middle = 0.5 * (1 + cosines - sines)
    omega = np.minimum(longitude / np.sqrt(1 - _E2 * cos2_middle), np.pi)
    for _ in range(rounds):
        arc = _arc_of_longitude(omega, a, b, (sines, cosines, cross_ab, cross_ba))
        update = longitude + _longitude_deficit(arc)
        step = update - omega
        converged = np.abs(step) < _TOLERANCE_RAD
        if converged.all():
            break
        # Newton's step with the slope of the deficit's leading term, f cos b1 cos b2 cos omega
        newton = np.minimum(omega + step / (1 - FLATTENING * (arc.cos_sigma - sines)), np.pi)
        # A pair that has converged stays, or its last bit would depend on the others of its block.
        omega = np.where(converged, omega, newton)
    return _Solution(omega, arc, step, converged)


def _arc_of_longitude(
    omega: Array, a: _Points, b: _Points, products: tuple[Array, Array, Array, Array]
) -> _Arc:
    """Solve the spherical triangle (Vincenty eqs. 14-18)."""
    sines, cosines, cross_ab, cross_ba = products
    sin_omega, cos_omega = np.sin(omega), np.cos(omega)
    east, north = b.cos * sin_omega, cross_ab - cross_ba * cos_omega
    sin_sigma = np.sqrt(east * east + north * north)
    cos_sigma = sines + cosines * cos_omega
    same = sin_sigma == 0  # a point with itself: any azimuth gives length 0
    sin_alpha0 = cosines * sin_omega / np.where(same, 1.0, sin_sigma)
    cos2_alpha0 = 1 - sin_alpha0**2
    equatorial = cos2_alpha0 < 1e-15  # the crossing is everywhere and its harmonics vanish
    cos_sum = cos_sigma - 2 * sines / np.where(equatorial, np.inf, cos2_alpha0)
    sigma = np.arctan2(sin_sigma, cos_sigma)
    return _arc(sigma, sin_sigma, cos_sigma, cos_sum, sin_alpha0)


class _Bisection(NamedTuple):
    """Geodesics in canonical order: from the point nearest to a pole, turned to the south."""

    swap: NDArray[np.bool_]  # whether the first point is ``b``
    south: Array  # -1 where north and south were exchanged
    alpha_1: Array  # azimuth at the first point
    alpha_2: Array  # azimuth at the second point
    arc: _Arc


def _bisect(a: _Points, b: _Points) -> Array:
    """Return the distances of pairs ``[K]`` that the iteration does not solve."""
    return _length_m(_bisection(a, b).arc)


def _bisected_azimuth(a: _Points, b: _Points) -> Array:
    """Return the azimuths of pairs ``[K]`` that the iteration does not solve, as eastwards."""
    found = _bisection(a, b)
    azimuth = np.where(found.swap, np.pi - found.alpha_2, found.alpha_1)  # or the way back
    return np.where(found.south < 0, np.pi - azimuth, azimuth)


def _bisection(a: _Points, b: _Points) -> _Bisection:
    """Solve pairs ``[K]`` by bisection of the azimuth at the first point.

    In the canonical order (first point south and nearest to a pole) the longitude at which a
    geodesic comes back to the second latitude grows with its azimuth (Karney, section 4).
    """
    longitude = _longitude_difference(a, b)
    swap = np.abs(a.sin) < np.abs(b.sin)
    sin_1, sin_2 = np.where(swap, b.sin, a.sin), np.where(swap, a.sin, b.sin)
    cos_1, cos_2 = np.where(swap, b.cos, a.cos), np.where(swap, a.cos, b.cos)
    south = np.where(sin_1 > 0, -1.0, 1.0)
    sin_1, sin_2 = south * sin_1, south * sin_2
    sin_1 = np.minimum(sin_1, -np.finfo(np.float64).tiny)  # the equator counts as south
    # The azimuth is measured from due east, where floats are densest: near the equator the
    # longitude jumps there.
    low, high = np.full_like(longitude, -np.pi / 2), np.full_like(longitude, np.pi / 2)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        arc, omega = _arc_of_azimuth(middle, sin_1, cos_1, sin_2, cos_2)
        short = omega - _longitude_deficit(arc) < longitude
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    alpha_1 = np.pi / 2 + middle
    sin_alpha2 = np.clip(arc.sin_alpha0 / np.maximum(cos_2, np.finfo(np.float64).tiny), 0.0, 1.0)
    return _Bisection(swap, south, alpha_1, np.arcsin(sin_alpha2), arc)


def _arc_of_azimuth(
    turn: Array, sin_1: Array, cos_1: Array, sin_2: Array, cos_2: Array
) -> tuple[_Arc, Array]:
    """Follow the azimuth ``pi/2 + turn`` to the second latitude; also return the longitude."""
    sin_alpha1, cos_alpha1 = np.cos(turn), -np.sin(turn)
    sin_alpha0 = sin_alpha1 * cos_1
    north_1 = cos_alpha1 * cos_1
    north_2 = np.sqrt(np.maximum(north_1**2 + (cos_2 - cos_1) * (cos_2 + cos_1), 0.0))
    sigma_1, sigma_2 = np.arctan2(sin_1, north_1), np.arctan2(sin_2, north_2)
    omega_1 = np.arctan2(sin_alpha0 * sin_1, north_1)
    omega_2 = np.arctan2(sin_alpha0 * sin_2, north_2)
    sigma = sigma_2 - sigma_1
    arc = _arc(sigma, np.sin(sigma), np.cos(sigma), np.cos(sigma_1 + sigma_2), sin_alpha0)
    return arc, omega_2 - omega_1
