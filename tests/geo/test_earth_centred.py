import numpy as np
import pytest

from geoloc.geo import earth_centred, geodesic_distance

POLAR_RADIUS_M = 6356752.314245  # of WGS-84


def test_axes_and_radii_are_those_of_the_ellipsoid():
    found = earth_centred([[0, 0], [0, 90], [90, 0], [-90, 45], [0, 180]])
    a, b = 6378137.0, POLAR_RADIUS_M
    expected = [[a, 0, 0], [0, a, 0], [0, 0, b], [0, 0, -b], [-a, 0, 0]]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("lat", [0.0, 33.0, -71.0, 89.9])
@pytest.mark.parametrize("span_m", [100.0, 500.0, 10_000.0])
def test_short_chords_are_geodesics(lat, span_m):
    generator = np.random.default_rng(0)
    offsets = generator.uniform(-1, 1, (20, 2)) * span_m / 111_320
    offsets[:, 1] /= np.cos(np.radians(lat))
    latlon = np.clip(offsets + np.array([lat, 114.0]), -90, (90, 180))
    positions = earth_centred(latlon)
    chord = np.linalg.norm(positions[:, None] - positions, axis=-1)
    arc = geodesic_distance(latlon, latlon)
    bound = 1e-6 + 2 * arc**3 / (24 * 6.37e6**2)
    assert (np.abs(arc - chord) <= bound).all()
