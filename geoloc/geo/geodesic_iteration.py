"""The geodesic between positions by iteration (Vincenty, *Survey Review* 23(176), 1975).

The longitude difference on the auxiliary sphere is a fixed point. Between nearly antipodal
positions the iteration does not contract: these pairs are left open, as NaN, for
``antipodal_pairs``.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoloc.geo.ellipsoid import E2, EQUATORIAL_RADIUS_M, FLATTENING
from geoloc.geo.geodesic_arc import Arc, arc_of, length_m, longitude_deficit
from geoloc.geo.sphere_points import Array, Points, longitude_difference

_TOLERANCE_RAD = 1e-9  # squared by the last correction: distances are exact to 1e-8 m
_ROUNDS = 4  # campuses take 1 or 2; near the antipode it contracts slowly


def geodesic_block(a: Points, b: Points) -> Array:
    """Return geodesic distances, NaN for the nearly antipodal pairs that do not converge."""
    longitude = longitude_difference(a, b)
    distance = _iterate(a, b, longitude, _ROUNDS)
    rest = np.isnan(distance)
    if rest.any():
        distance[rest] = _iterate(a.pick(rest), b.pick(rest), longitude[rest], 2 * _ROUNDS)
    return distance


class _Solution(NamedTuple):
    """Where the iteration for the spherical longitude difference has come."""

    omega: Array
    arc: Arc
    step: Array  # by which the difference is still wrong
    converged: NDArray[np.bool_]


def _iterate(a: Points, b: Points, longitude: Array, rounds: int) -> Array:
    """Return geodesic distances; NaN where they take more rounds."""
    solution = _solve(a, b, longitude, rounds)
    # First variation: moving the end along its parallel adds ds = a sin(alpha_0) d(lambda).
    ahead = EQUATORIAL_RADIUS_M * solution.arc.sin_alpha0 * solution.step
    return np.where(solution.converged, length_m(solution.arc) + ahead, np.nan)


def azimuth_block(a: Points, b: Points) -> Array:
    """Return azimuths in [0, pi], as if all were eastwards; NaN where they take more rounds."""
    solution = _solve(a, b, longitude_difference(a, b), 3 * _ROUNDS)
    omega = solution.omega + solution.step
    east, north = b.cos * np.sin(omega), a.cos * b.sin - a.sin * b.cos * np.cos(omega)
    return np.where(solution.converged, np.arctan2(east, north), np.nan)


def _solve(a: Points, b: Points, longitude: Array, rounds: int) -> _Solution:
    """Solve for the spherical longitude difference, as far as the rounds lead."""
    sines, cosines = a.sin * b.sin, a.cos * b.cos
    cross_ab, cross_ba = a.cos * b.sin, a.sin * b.cos
    # Karney's start for short lines, right to third order: campus pairs need one or two rounds.
    cos2_middle = 0.5 * (1 + cosines - sines)
    omega = np.minimum(longitude / np.sqrt(1 - E2 * cos2_middle), np.pi)
    for _ in range(rounds):
        arc = _arc_of_longitude(omega, a, b, (sines, cosines, cross_ab, cross_ba))
        update = longitude + longitude_deficit(arc)
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
    omega: Array, a: Points, b: Points, products: tuple[Array, Array, Array, Array]
) -> Arc:
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
    return arc_of(sigma, sin_sigma, cos_sigma, cos_sum, sin_alpha0)
