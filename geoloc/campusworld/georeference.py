"""From metres on a campus to degrees on the Earth."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WGS84_SEMI_MAJOR_M = 6378137.0
WGS84_ECCENTRICITY_SQUARED = 6.69437999014e-3

SITES_PER_SIDE = 64
SITE_DEG = 10.0 / SITES_PER_SIDE  # sites tile 30 .. 40 N, 110 .. 120 E


def campus_origin(seed: int, index: int) -> tuple[float, float]:
    """Return the (lat, lon) of a campus centre in degrees.

    Campuses occupy different squares of a 64 x 64 grid, in their middle parts, so any two are
    more than 6 km apart.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0, 0, 0]))
    row, column = divmod(int(rng.permutation(SITES_PER_SIDE**2)[index]), SITES_PER_SIDE)
    shift = rng.uniform(0.25, 0.75, (SITES_PER_SIDE**2, 2))[index]
    return 30.0 + SITE_DEG * (row + shift[0]), 110.0 + SITE_DEG * (column + shift[1])


def to_degrees(origin: tuple[float, float], offset_m: Array) -> Array:
    """Return (lat, lon) in degrees ``[P, 2]`` of points (east, north) in m from an origin.

    The radii of curvature of the WGS-84 ellipsoid at the origin make geodesic distances on a
    campus agree with the metres to better than 0.1 %.
    """
    lat, lon = origin
    sine = np.sin(np.radians(lat))
    bend = 1.0 - WGS84_ECCENTRICITY_SQUARED * sine**2
    meridian = WGS84_SEMI_MAJOR_M * (1.0 - WGS84_ECCENTRICITY_SQUARED) / bend**1.5
    parallel = WGS84_SEMI_MAJOR_M / np.sqrt(bend) * np.cos(np.radians(lat))
    north, east = offset_m[:, 1] / meridian, offset_m[:, 0] / parallel
    return np.stack([lat + np.degrees(north), lon + np.degrees(east)], axis=1)
