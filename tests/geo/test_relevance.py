import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from geoloc.errors import ConfigError
from geoloc.geo import geodesic_distance, relevance_levels


def test_golden(golden):
    vectors = golden("hr_geo_levels")
    latlon = np.stack([vectors["lat"], vectors["lon"]], axis=1)
    for method in ("geodesic", "haversine"):
        levels = relevance_levels(geodesic_distance(latlon, latlon, method))
        np.testing.assert_array_equal(levels, vectors[f"levels_{method}"])


def test_bounds_are_inclusive():
    distance = [0, 3, np.nextafter(3, 4), 200, np.nextafter(200, 300), 500, 500.1, np.inf]
    levels = relevance_levels(distance)
    assert levels.dtype == np.int8
    assert levels.tolist() == [3, 3, 2, 2, 1, 1, 0, 0]


@given(
    hnp.arrays(np.float64, st.integers(0, 20), elements=st.floats(0, 1e7)),
    st.lists(st.floats(0.1, 1e6), min_size=1, max_size=6, unique=True).map(sorted),
)
def test_counts_thresholds(distance, thresholds):
    levels = relevance_levels(distance, thresholds)
    expected = [sum(d <= t for t in thresholds) for d in distance]
    assert levels.tolist() == expected


@pytest.mark.parametrize(
    "thresholds", [(), (0, 3), (-1, 3), (3, 3), (200, 3), (3, float("nan")), (3, float("inf"))]
)
def test_bad_thresholds(thresholds):
    with pytest.raises(ConfigError, match="thresholds_m"):
        relevance_levels([1.0], thresholds)


def test_nan_distance_is_refused_with_its_place():
    distance = np.zeros((2, 3))
    distance[1, 2] = np.nan
    with pytest.raises(ValueError, match=r"distance_m\[1, 2\] is NaN"):
        relevance_levels(distance)
