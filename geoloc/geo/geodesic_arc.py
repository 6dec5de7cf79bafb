"""Geodesics as arcs on the auxiliary sphere of reduced latitudes.

The two integrals along the arc use the series of Karney (*Journal of Geodesy* 87, 2013, eqs.
15-25), because those of Vincenty end at 0.1 mm.
"""

from typing import NamedTuple

import numpy as np

from geoloc.geo.ellipsoid import E2, EQUATORIAL_RADIUS_M, FLATTENING
from geoloc.geo.sphere_points import Array

_POLAR_RADIUS_M = EQUATORIAL_RADIUS_M * (1 - FLATTENING)
_SECOND_E2 = E2 / (1 - E2)
_N = FLATTENING / (2 - FLATTENING)


class Arc(NamedTuple):
    """A geodesic on the auxiliary sphere."""

    sigma: Array  # arc length
    sin_sigma: Array
    cos_sigma: Array
    cos_sum: Array  # cosine of sigma_1 + sigma_2, both measured from the equator crossing
    sin_alpha0: Array  # sine of the azimuth at the equator crossing
    epsilon: Array  # expansion parameter of the series (Karney eq. 16)


def arc_of(
    sigma: Array, sin_sigma: Array, cos_sigma: Array, cos_sum: Array, sin_alpha0: Array
) -> Arc:
    """Return an arc with its expansion parameter; arguments as the attributes of ``Arc``."""
    k2 = _SECOND_E2 * (1 - sin_alpha0**2)
    epsilon = k2 / (2 * (1 + np.sqrt(1 + k2)) + k2)
    return Arc(sigma, sin_sigma, cos_sigma, cos_sum, sin_alpha0, epsilon)


def _harmonics(arc: Arc, c1: Array, c2: Array, c3: Array) -> Array:
    """Return sum_l c_l (sin 2l sigma_2 - sin 2l sigma_1), free of cancellation for short arcs."""
    m, cos = arc.cos_sum, arc.cos_sigma
    third = c3 * (m * (4 * m * m - 3)) * (4 * cos * cos - 1)
    return 2 * arc.sin_sigma * (c1 * m + c2 * (2 * m * m - 1) * (2 * cos) + third)


def length_m(arc: Arc) -> Array:
    """Return the length of the arc on the ellipsoid in metres (Karney eqs. 15, 17, 18)."""
    e = arc.epsilon
    e2 = e * e
    scale = (1 + e2 / 4 + e2 * e2 / 64) / (1 - e)
    waves = _harmonics(arc, e * (3 / 16 * e2 - 1 / 2), e2 * (e2 / 32 - 1 / 16), e2 * e * (-1 / 48))
    return _POLAR_RADIUS_M * scale * (arc.sigma + waves)


def longitude_deficit(arc: Arc) -> Array:
    """Return omega - lambda: spherical minus geographic longitude (Karney eqs. 23-25)."""
    e, n = arc.epsilon, _N
    e2 = e * e
    scale = 1 - e * ((1 - n) / 2 + e * ((2 + n - 3 * n * n) / 8 + e * (1 + 3 * n + n * n) / 16))
    c1 = e * ((1 - n) / 4 + e * ((1 - n * n) / 8 + e * (3 + 3 * n - n * n) / 64))
    c2 = e2 * ((2 - 3 * n + n * n) / 32 + e * (3 - 2 * n - 3 * n * n) / 64)
    c3 = e2 * e * (5 - 9 * n + 5 * n * n) / 192
    return FLATTENING * arc.sin_alpha0 * scale * (arc.sigma + _harmonics(arc, c1, c2, c3))
