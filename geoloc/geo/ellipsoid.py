"""The size of the Earth: the ellipsoid of WGS-84, and the sphere of its mean radius."""

EQUATORIAL_RADIUS_M = 6378137.0
FLATTENING = 1 / 298.257223563
MEAN_RADIUS_M = 6371008.8
E2 = FLATTENING * (2 - FLATTENING)
"""The first eccentricity of the ellipsoid, squared."""
