"""Earth-centred coordinates: straight-line geometry for searches among many places."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoloc.geo.coordinates import check_latlon
from geoloc.geo.ellipsoid import EQUATORIAL_RADIUS_M, FLATTENING


def earth_centred(latlon: ArrayLike) -> NDArray[np.float64]:
    """Return the Cartesian (ECEF) coordinates of positions on the WGS-84 ellipsoid.

    With the prime-vertical radius ``n = a / sqrt(1 - e^2 sin^2 lat)``: ``x = n cos lat cos lon``,
    ``y = n cos lat sin lon``, ``z = (1 - e^2) n sin lat``.

    The straight line between two of them is shorter than the geodesic ``d`` by about
    ``d^3 / (24 R^2)``: 0.1 micrometres in 500 m, 1 mm in 10 km. A tree over them therefore finds
    what lies within a radius on the ground, at any latitude and across the date line.

    Args:
        latlon: WGS-84 (lat, lon) ``[N,2]`` in degrees.

    Returns:
        Float64 ``[N,3]`` in metres.

    Raises:
        CoordinateError: If a row is not a position on Earth.
    """
    lat, lon = np.radians(check_latlon(latlon, "latlon")).T
    e2 = FLATTENING * (2 - FLATTENING)
    normal = EQUATORIAL_RADIUS_M / np.sqrt(1 - e2 * np.sin(lat) ** 2)
    across = normal * np.cos(lat)
    return np.stack(
        [across * np.cos(lon), across * np.sin(lon), (1 - e2) * normal * np.sin(lat)], axis=1
    )
