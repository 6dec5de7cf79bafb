import numpy as np
import pytest
from geopy.distance import great_circle
from hypothesis import given
from hypothesis import strategies as st

from geoloc.errors import ConfigError, CoordinateError
from geoloc.evaluation.geoscore import error_km
from geoloc.geo.sphere_index import SphereIndex


def test_neighbours_are_those_of_the_conformance_vectors(golden):
    vectors = golden("gg_spatial_index")
    gallery, query = vectors["gallery_deg"], vectors["query_deg"]
    row, distance = SphereIndex(gallery).nearest(query, 5)
    np.testing.assert_array_equal(row, vectors["knn_idx"])
    np.testing.assert_allclose(distance, vectors["knn_gc_km"], rtol=0, atol=1e-6)
    geodesic = error_km(gallery[row].reshape(-1, 2), np.repeat(query, 5, axis=0), "geodesic")
    np.testing.assert_allclose(
        geodesic.reshape(20, 5), vectors["knn_geodesic_wgs84_km"], rtol=0, atol=1e-6
    )


@pytest.mark.parametrize(
    ("query", "nearest"),
    [((0.0, 179.9), 1), ((89.9, 90.0), 2), ((-89.9, 10.0), 3), ((0.0, 1.0), 0)],
)
def test_the_date_line_and_the_poles_are_no_borders(query, nearest) -> None:
    gallery = [(0.0, 0.0), (0.0, -179.9), (89.9, -90.0), (-90.0, 0.0)]
    row, distance = SphereIndex(gallery).nearest([query])
    assert row.tolist() == [[nearest]]
    expected = great_circle(query, gallery[nearest]).km
    assert distance[0, 0] == pytest.approx(expected, rel=1e-5)


@given(st.integers(0, 2**32 - 1))
def test_it_finds_what_comparing_with_all_finds(seed) -> None:
    generator = np.random.default_rng(seed)
    positions = generator.uniform([-90, -180], [90, 180], (40, 2))
    gallery, query = positions[:30], positions[30:]
    _, distance = SphereIndex(gallery).nearest(query, 30)
    every = error_km(np.tile(gallery, (10, 1)), np.repeat(query, 30, axis=0)).reshape(10, 30)
    np.testing.assert_allclose(distance, np.sort(every, axis=1), rtol=0, atol=1e-3)


def test_mistakes_are_named() -> None:
    with pytest.raises(ConfigError, match="k=3 must be from 1 to the 2 positions"):
        SphereIndex([(0, 0), (1, 1)]).nearest([(0, 0)], 3)
    with pytest.raises(ConfigError, match="at least one position"):
        SphereIndex(np.empty((0, 2)))
    with pytest.raises(CoordinateError, match="row 0: lat=100"):
        SphereIndex([(100.0, 170.0)])
