import numpy as np
import pytest

from geoloc.errors import ConfigError
from geoloc.geo.utm import utm_to_degrees


def test_known_points() -> None:
    # On the central meridian at the equator, and the false origin of the South.
    np.testing.assert_allclose(utm_to_degrees([[500000, 0]], 31, south=False), [[0, 3]], atol=1e-12)
    np.testing.assert_allclose(utm_to_degrees([[500000, 1e7]], 55, True), [[0, 147]], atol=1e-12)


def meridian_arc_m(latitude: float) -> float:
    """Return the length of the meridian from the equator, by numerical integration."""
    a, f = 6378137.0, 1 / 298.257223563
    e2 = f * (2 - f)
    phi = np.radians(np.linspace(0, latitude, 20001))
    radius = a * (1 - e2) / (1 - e2 * np.sin(phi) ** 2) ** 1.5
    return float(np.trapezoid(radius, phi))


@pytest.mark.parametrize("latitude", [10.0, 35.3, 51.0, 79.0])
def test_the_central_meridian_is_true_to_scale(latitude) -> None:
    northing = 0.9996 * meridian_arc_m(latitude)
    found = utm_to_degrees([[500000, northing]], 33, south=False)
    np.testing.assert_allclose(found, [[latitude, 15.0]], atol=2e-8)
    mirrored = utm_to_degrees([[500000, 1e7 - northing]], 33, south=True)
    np.testing.assert_allclose(mirrored, [[-latitude, 15.0]], atol=2e-8)


def test_metres_are_metres_near_canberra() -> None:
    from geopy.distance import geodesic

    base = np.array([693000.0, 6094000.0])
    points = base + np.random.default_rng(0).uniform(-3000, 3000, (50, 2))
    degrees = utm_to_degrees(points, 55, south=True)
    here = utm_to_degrees(base[None], 55, south=True)[0]
    assert -35.5 < here[0] < -35
    assert 149 < here[1] < 149.3
    k = 0.9996 * (1 + ((base[0] - 500000) / 6371000) ** 2 / 2)  # scale of the projection there
    for point, position in zip(points, degrees, strict=True):
        metres = np.hypot(*(point - base))
        assert geodesic(here, position).m == pytest.approx(metres / k, rel=2e-5, abs=1e-3)


def test_a_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"UTM zone 61 must be in 1 .. 60"):
        utm_to_degrees([[0, 0]], 61, south=False)
