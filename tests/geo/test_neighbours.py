import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoloc.errors import ConfigError, CoordinateError
from geoloc.geo import geodesic_distance, near_pairs
from tests.geo.strategies import campuses

RADIUS_M = st.sampled_from([0.0, 3.0, 200.0, 1000.0, 2e4, 2.1e7])


def assert_pairs_of_matrix(found, distance, radius_m):
    row, column = np.nonzero(distance <= radius_m)  # in the order that is promised
    assert [part.dtype for part in found] == [np.int64, np.int64, np.float64]
    np.testing.assert_array_equal(found.row, row)
    np.testing.assert_array_equal(found.column, column)
    np.testing.assert_array_equal(found.distance_m, distance[row, column])


@given(campuses(), campuses(), RADIUS_M)
def test_pairs_are_those_of_the_matrix_of_all_distances(a, b, radius_m):
    b = np.concatenate([b, a[::2]])
    assert_pairs_of_matrix(near_pairs(a, b, radius_m), geodesic_distance(a, b), radius_m)


@given(campuses(), RADIUS_M)
def test_pairs_within_one_set_are_symmetric_and_hold_every_place_itself(latlon, radius_m):
    found = near_pairs(latlon, latlon, radius_m)
    assert_pairs_of_matrix(found, geodesic_distance(latlon, latlon), radius_m)
    back = np.lexsort((found.row, found.column))
    np.testing.assert_array_equal(found.distance_m[back], found.distance_m)
    assert set(range(len(latlon))) == set(found.row[found.row == found.column])


@given(campuses(), st.data())
def test_the_radius_is_inclusive_to_the_last_bit(latlon, data):
    distance = geodesic_distance(latlon, latlon)
    radius_m = data.draw(st.sampled_from(np.unique(distance).tolist()))
    assert_pairs_of_matrix(near_pairs(latlon, latlon, radius_m), distance, radius_m)
    below = np.nextafter(radius_m, -1)
    if below >= 0:
        assert_pairs_of_matrix(near_pairs(latlon, latlon, below), distance, below)


def test_a_radius_around_the_earth_finds_antipodes():
    latlon = np.array([[90.0, 0.0], [-90.0, 0.0], [0.0, 0.0], [0.0, 180.0], [1e-9, -180.0]])
    distance = geodesic_distance(latlon, latlon)
    for radius_m in (distance[0, 1], distance[2, 3], 2e7):
        assert_pairs_of_matrix(near_pairs(latlon, latlon, radius_m), distance, radius_m)


def test_chords_are_not_mistaken_for_distances():
    a, b = np.array([[0.0, 0.0]]), np.array([[0.0, 10.0]])
    way = geodesic_distance(a, b)[0, 0]
    assert len(near_pairs(a, b, way - 1).row) == 0  # the chord is 1.4 km shorter
    assert len(near_pairs(a, b, way).row) == 1


def test_no_places_have_no_pairs():
    none, one = np.empty((0, 2)), np.array([[30.0, 114.0]])
    for a, b in ((none, none), (none, one), (one, none), (none, none.copy())):
        assert [part.shape for part in near_pairs(a, b, 500.0)] == [(0,)] * 3


def test_what_cannot_be_meant_is_named():
    latlon = np.array([[30.0, 114.0], [np.nan, 114.0]])
    with pytest.raises(CoordinateError, match=r"latlon_a: row 1: .*nan"):
        near_pairs(latlon, latlon[:1], 500)
    with pytest.raises(CoordinateError, match=r"latlon_b: row 1: .*nan"):
        near_pairs(latlon[:1], latlon, 500)
    for radius_m in (-1.0, np.nan, np.inf):
        with pytest.raises(ConfigError, match=f"radius_m={radius_m}"):
            near_pairs(latlon[:1], latlon[:1], radius_m)
