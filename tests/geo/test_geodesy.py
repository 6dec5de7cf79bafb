import math

import numpy as np
import pytest
from geopy.distance import geodesic
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.errors import ConfigError, CoordinateError
from geoloc.geo import geodesic_distance, geodesic_distance_of_pairs, geodesy
from geoloc.geo.ellipsoid import FLATTENING

# Rounded to 1e-9 degrees (0.1 mm): denormal coordinates only test the oracle.
LAT = st.floats(-90, 90).map(lambda lat: round(lat, 9))
LON = st.floats(-180, 180).map(lambda lon: round(lon, 9))
POSITION = st.tuples(LAT, LON)


def everywhere(generator, n):
    lat = np.degrees(np.arcsin(generator.uniform(-1, 1, n)))
    return np.stack([lat, generator.uniform(-180, 180, n)], axis=1)


def antipode(latlon):
    return np.stack([-latlon[:, 0], (latlon[:, 1] + 360) % 360 - 180], axis=1)


def near(generator, latlon, spread):
    moved = latlon + generator.normal(size=latlon.shape) * spread
    return np.stack([np.clip(moved[:, 0], -90, 90), (moved[:, 1] + 180) % 360 - 180], axis=1)


def assert_agrees(a, b):
    ours = np.diagonal(geodesic_distance(a, b))
    truth = np.array([geodesic(p, q).m for p, q in zip(a, b, strict=True)])
    np.testing.assert_allclose(ours, truth, rtol=0, atol=1e-5)


def test_golden(golden):
    vectors = golden("hr_geo_levels")
    latlon = np.stack([vectors["lat"], vectors["lon"]], axis=1)
    np.testing.assert_allclose(
        geodesic_distance(latlon, latlon), vectors["dist_geodesic_m"], rtol=0, atol=1e-5
    )
    np.testing.assert_allclose(
        geodesic_distance(latlon, latlon, "haversine"), vectors["dist_haversine_m"], atol=1e-6
    )


def test_random_pairs_agree_with_geopy():
    generator = np.random.default_rng(0)
    assert_agrees(everywhere(generator, 300), everywhere(generator, 300))


@pytest.mark.parametrize("spread_deg", [0, 1e-9, 1e-4, 1e-2, 0.1, 0.5, 1, 3, 10])
def test_antipodal_pairs_agree_with_geopy(spread_deg):
    generator = np.random.default_rng(1)
    a = everywhere(generator, 100)
    assert_agrees(a, near(generator, antipode(a), spread_deg))


@pytest.mark.parametrize("lat_spread", [0, 1e-12, 1e-9, 1e-6, 1e-3, 1])
def test_equatorial_pairs_agree_with_geopy(lat_spread):
    """Between (1 - f) pi and pi of longitude the shortest way leaves the equator."""
    generator = np.random.default_rng(2)
    a = np.stack([generator.normal(size=100) * lat_spread, generator.uniform(-180, 180, 100)], 1)
    edge = 180 * (1 - FLATTENING) + generator.normal(size=100) * 0.3
    b = np.stack([-a[:, 0], (a[:, 1] + edge + 180) % 360 - 180], axis=1)
    assert_agrees(a, b)
    assert_agrees(a, near(generator, b, lat_spread))


def test_polar_pairs_agree_with_geopy():
    generator = np.random.default_rng(3)
    a = everywhere(generator, 100)
    a[:, 0] = np.where(a[:, 0] > 0, 90, -90)
    assert_agrees(a, everywhere(generator, 100))
    assert_agrees(a, antipode(a))
    assert_agrees(a, near(generator, a, 1e-5))
    assert_agrees(near(generator, a, 1e-7), near(generator, antipode(a), 1e-7))


def test_date_line():
    assert_agrees(np.array([[10.0, 179.999]]), np.array([[10.001, -179.999]]))
    west, east = geodesic_distance([[10.0, 180.0]], [[10.0, -180.0], [10.0, 180.0]])[0]
    assert west == east == 0.0


@given(POSITION, POSITION)
@settings(max_examples=200)
def test_any_pair_agrees_with_geopy_both_ways(a, b):
    forth = geodesic_distance([a], [b])[0, 0]
    assert forth == pytest.approx(geodesic(a, b).m, abs=1e-5)
    assert forth == pytest.approx(geodesic_distance([b], [a])[0, 0], abs=1e-5)


@given(POSITION, POSITION)
@settings(max_examples=100)
def test_haversine_is_the_angle_between_unit_vectors(a, b):
    def vector(lat, lon):
        lat, lon = math.radians(lat), math.radians(lon)
        return np.array(
            [math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)]
        )

    u, v = vector(*a), vector(*b)
    angle = math.atan2(np.linalg.norm(np.cross(u, v)), u @ v)
    # near the antipode the arc sine amplifies rounding to about 1e-8 rad
    assert geodesic_distance([a], [b], "haversine")[0, 0] == pytest.approx(
        6371008.8 * angle, abs=0.3
    )


@pytest.mark.parametrize("method", ["geodesic", "haversine"])
@pytest.mark.parametrize("block_pairs", [1, 64, 1 << 12])
def test_symmetric_and_blockwise_results_are_those_of_single_pairs(
    monkeypatch, method, block_pairs
):
    monkeypatch.setattr(geodesy, "_BLOCK_PAIRS", block_pairs)
    generator = np.random.default_rng(4)
    a = near(generator, np.tile([[48.1, 11.6]], (37, 1)), 0.02)
    pairs = np.array([[geodesic_distance([p], [q], method)[0, 0] for q in a] for p in a])
    symmetric = geodesic_distance(a, a, method)
    np.testing.assert_array_equal(symmetric, symmetric.T)
    np.testing.assert_array_equal(np.diagonal(symmetric), 0)
    np.testing.assert_allclose(symmetric, pairs, rtol=0, atol=1e-7)
    np.testing.assert_allclose(geodesic_distance(a[:5], a, method), pairs[:5], rtol=0, atol=1e-7)


@pytest.mark.parametrize("method", ["geodesic", "haversine"])
@pytest.mark.parametrize("spread_deg", [1e-6, 1e-4, 0.02, 1, 60])
def test_pairs_have_the_distances_of_the_matrix_to_the_last_bit(method, spread_deg):
    generator = np.random.default_rng(5)
    a = near(generator, np.repeat(everywhere(generator, 3), 30, axis=0), spread_deg)
    for b in (a[::-1].copy(), everywhere(generator, 90), near(generator, antipode(a), spread_deg)):
        matrix = geodesic_distance(a, b, method)
        row, column = np.indices(matrix.shape).reshape(2, -1)
        pairs = geodesic_distance_of_pairs(a[row], b[column], method)
        np.testing.assert_array_equal(pairs, matrix.ravel())
        alone = [
            geodesic_distance_of_pairs(a[i : i + 1], b[i : i + 1], method)[0] for i in range(9)
        ]
        np.testing.assert_array_equal(alone, np.diagonal(matrix)[:9])


def test_pairs_need_as_many_positions_on_both_sides():
    assert geodesic_distance_of_pairs(np.empty((0, 2)), np.empty((0, 2))).shape == (0,)
    with pytest.raises(ValueError, match="got 2 and 1; geodesic_distance compares"):
        geodesic_distance_of_pairs([[0.0, 0.0], [1.0, 1.0]], [[0.0, 0.0]])
    with pytest.raises(CoordinateError, match=r"latlon_b: row 0: .*nan"):
        geodesic_distance_of_pairs([[0.0, 0.0]], [[0.0, math.nan]])
    with pytest.raises(ConfigError, match="method='euclid'"):
        geodesic_distance_of_pairs([[0.0, 0.0]], [[0.0, 0.0]], "euclid")


def test_empty_and_invalid_input():
    assert geodesic_distance(np.empty((0, 2)), [[0.0, 0.0]]).shape == (0, 1)
    assert geodesic_distance([[0.0, 0.0]], np.empty((0, 2))).shape == (1, 0)
    with pytest.raises(CoordinateError, match=r"latlon_b: row 0: .*nan"):
        geodesic_distance([[0.0, 0.0]], [[math.nan, 0.0]])
    with pytest.raises(ConfigError, match="method='euclid'"):
        geodesic_distance([[0.0, 0.0]], [[0.0, 0.0]], "euclid")
