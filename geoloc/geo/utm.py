"""Universal Transverse Mercator coordinates, in which CVACT gives its positions."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoloc.errors import ConfigError

# WGS-84, and the series of Karney (2011), Transverse Mercator with an accuracy of a few nanometers,
# Eq. 36, to the third order in n: below 1 mm within a zone.
SEMI_MAJOR_M, FLATTENING = 6378137.0, 1 / 298.257223563
SCALE = 0.9996
FALSE_EASTING_M, FALSE_NORTHING_M = 500_000.0, 10_000_000.0
ZONES = 60


def utm_to_degrees(utm: ArrayLike, zone: int, south: bool) -> NDArray[np.float64]:
    """Return WGS-84 (lat, lon) in degrees of UTM coordinates.

    Args:
        utm: Easting and northing in metres, ``[n, 2]``.
        zone: 1 .. 60.
        south: Whether northings count from the South, with 10,000 km at the equator.

    Returns:
        float64 ``[n, 2]``.

    Raises:
        ConfigError: If there is no such zone.
    """
    if not 1 <= zone <= ZONES:
        raise ConfigError(f"UTM zone {zone} must be in 1 .. {ZONES}")
    metres = np.asarray(utm, dtype=np.float64)
    n = FLATTENING / (2 - FLATTENING)
    rectifying_m = SEMI_MAJOR_M / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    north_m = metres[:, 1] - (FALSE_NORTHING_M if south else 0.0)
    xi = north_m / (SCALE * rectifying_m)
    eta = (metres[:, 0] - FALSE_EASTING_M) / (SCALE * rectifying_m)
    beta = (
        n / 2 - 2 * n**2 / 3 + 37 * n**3 / 96,
        n**2 / 48 + n**3 / 15,
        17 * n**3 / 480,
    )
    xi_sphere, eta_sphere = xi.copy(), eta.copy()
    for order, coefficient in enumerate(beta, start=1):
        turn = 2 * order
        xi_sphere -= coefficient * np.sin(turn * xi) * np.cosh(turn * eta)
        eta_sphere -= coefficient * np.cos(turn * xi) * np.sinh(turn * eta)
    conformal = np.arctan2(np.sin(xi_sphere), np.hypot(np.sinh(eta_sphere), np.cos(xi_sphere)))
    longitude = np.arctan2(np.sinh(eta_sphere), np.cos(xi_sphere))
    latitude = _latitude(np.tan(conformal))
    lon = 6.0 * zone - 183.0 + np.degrees(longitude)
    return np.stack([np.degrees(latitude), (lon + 180) % 360 - 180], axis=1)


def _latitude(conformal_tangent: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the latitude whose conformal latitude has this tangent, by Newton's method."""
    eccentricity = np.sqrt(FLATTENING * (2 - FLATTENING))
    tangent = conformal_tangent / (1 - eccentricity**2)
    for _ in range(5):
        sigma = np.sinh(eccentricity * np.arctanh(eccentricity * tangent / np.sqrt(1 + tangent**2)))
        found = tangent * np.sqrt(1 + sigma**2) - sigma * np.sqrt(1 + tangent**2)
        slope = (
            (1 - eccentricity**2)
            * np.sqrt((1 + found**2) * (1 + tangent**2))
            / (1 + (1 - eccentricity**2) * tangent**2)
        )
        tangent = tangent + (conformal_tangent - found) / slope
    return np.asarray(np.arctan(tangent))
