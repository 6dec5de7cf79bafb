"""The geodesic between nearly antipodal positions, by bisection (Karney, 2013, section 4)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoloc.geo.geodesic_arc import Arc, arc_of, length_m, longitude_deficit
from geoloc.geo.sphere_points import Array, Points, longitude_difference

_HALVINGS = 100


class _Bisection(NamedTuple):
    """Geodesics in canonical order: from the point nearest to a pole, turned to the south."""

    swap: NDArray[np.bool_]  # whether the first point is ``b``
    south: Array  # -1 where north and south were exchanged
    alpha_1: Array  # azimuth at the first point
    alpha_2: Array  # azimuth at the second point
    arc: Arc


def bisected_distance(a: Points, b: Points) -> Array:
    """Return the distances of pairs ``[K]`` that the iteration does not solve."""
    return length_m(_bisection(a, b).arc)


def bisected_azimuth(a: Points, b: Points) -> Array:
    """Return the azimuths of pairs ``[K]`` that the iteration does not solve, as eastwards."""
    found = _bisection(a, b)
    azimuth = np.where(found.swap, np.pi - found.alpha_2, found.alpha_1)  # or the way back
    return np.where(found.south < 0, np.pi - azimuth, azimuth)


def _bisection(a: Points, b: Points) -> _Bisection:
    """Solve pairs ``[K]`` by bisection of the azimuth at the first point.

    In the canonical order (first point south and nearest to a pole) the longitude at which a
    geodesic comes back to the second latitude grows with its azimuth (Karney, section 4).
    """
    longitude = longitude_difference(a, b)
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
        short = omega - longitude_deficit(arc) < longitude
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    alpha_1 = np.pi / 2 + middle
    sin_alpha2 = np.clip(arc.sin_alpha0 / np.maximum(cos_2, np.finfo(np.float64).tiny), 0.0, 1.0)
    return _Bisection(swap, south, alpha_1, np.arcsin(sin_alpha2), arc)


def _arc_of_azimuth(
    turn: Array, sin_1: Array, cos_1: Array, sin_2: Array, cos_2: Array
) -> tuple[Arc, Array]:
    """Follow the azimuth ``pi/2 + turn`` to the second latitude; also return the longitude."""
    sin_alpha1, cos_alpha1 = np.cos(turn), -np.sin(turn)
    sin_alpha0 = sin_alpha1 * cos_1
    north_1 = cos_alpha1 * cos_1
    north_2 = np.sqrt(np.maximum(north_1**2 + (cos_2 - cos_1) * (cos_2 + cos_1), 0.0))
    sigma_1, sigma_2 = np.arctan2(sin_1, north_1), np.arctan2(sin_2, north_2)
    omega_1 = np.arctan2(sin_alpha0 * sin_1, north_1)
    omega_2 = np.arctan2(sin_alpha0 * sin_2, north_2)
    sigma = sigma_2 - sigma_1
    arc = arc_of(sigma, np.sin(sigma), np.cos(sigma), np.cos(sigma_1 + sigma_2), sin_alpha0)
    return arc, omega_2 - omega_1
