import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.errors import CoordinateError
from geoloc.geo import campus_labels, geodesic_distance


def by_flooding(near):
    """Label components one by one, by spreading from an unlabelled place."""
    labels = np.full(len(near), -1)
    for start in range(len(near)):
        if labels[start] < 0:
            label, front = labels.max() + 1, [start]
            while front:
                place = front.pop()
                if labels[place] < 0:
                    labels[place] = label
                    front += np.flatnonzero(near[place]).tolist()
    return labels


@given(st.integers(1, 40), st.floats(50, 3000), st.integers(0, 999), st.sampled_from([0.0, 65.0]))
@settings(max_examples=60)
def test_campuses_are_connected_by_steps_within_the_radius(count, radius_m, seed, lat):
    offsets = np.random.default_rng(seed).uniform(-0.03, 0.03, (count, 2))
    latlon = offsets + np.array([lat, 179.99])  # across the date line
    latlon[:, 1] = (latlon[:, 1] + 180) % 360 - 180
    expected = by_flooding(geodesic_distance(latlon, latlon) <= radius_m)
    found = campus_labels(latlon, radius_m)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found[:, None] == found, expected[:, None] == expected)
    assert set(found) == set(range(found.max() + 1))


def test_places_at_one_point_share_a_campus():
    latlon = [[30.0, 114.0], [31.0, 114.0], [30.0, 114.0]]
    labels = campus_labels(latlon, 1.0)
    assert labels[0] == labels[2] != labels[1]


def test_a_place_that_is_nowhere_is_named():
    with pytest.raises(CoordinateError, match="row 1"):
        campus_labels([[30.0, 114.0], [np.nan, 114.0]], 500)
