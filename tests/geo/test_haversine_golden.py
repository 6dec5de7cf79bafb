"""The spherical distances of VIGOR's and DenseUAV's code, which differ in the Earth's radius."""

import numpy as np

from geoloc.geo import geodesic_distance
from geoloc.geo.ellipsoid import EQUATORIAL_RADIUS_M, MEAN_RADIUS_M

VIGOR_RADIUS_M = 6371000.0
VIGOR_HALF_TILE_M = 320 * 0.114  # pixels times ground size


def of_pairs(a: np.ndarray, b: np.ndarray, radius_m: float) -> np.ndarray:
    return np.diag(geodesic_distance(a, b, "haversine")) * (radius_m / MEAN_RADIUS_M)


def test_vigor_measures_on_a_sphere(golden):
    vectors = golden("cv_geo_helpers")
    one, other = (np.stack([vectors[f"lat{k}"], vectors[f"lng{k}"]], axis=1) for k in (1, 2))
    # Its arccos of a number near 1 keeps 0.3 mm of 20 ... 130 m.
    found = of_pairs(one, other, VIGOR_RADIUS_M)
    np.testing.assert_allclose(found, vectors["gps2distance_m"], rtol=0, atol=3e-4)


def test_half_a_tile_of_vigor_is_as_long_as_its_pixels(golden):
    vectors = golden("cv_geo_helpers")
    centre = np.stack([vectors["lat1"], vectors["lng1"]], axis=1)
    for axis in (0, 1):
        edge = centre.copy()
        edge[:, axis] += vectors["vigor_delta_unit_deg"][:, axis]
        found = of_pairs(centre, edge, VIGOR_RADIUS_M)
        np.testing.assert_allclose(found, VIGOR_HALF_TILE_M, rtol=1e-5)


def test_dense_uav_measures_on_the_equators_sphere(golden):
    vectors = golden("cv_geo_helpers")
    query = vectors["dense_query_lonlat"][None, ::-1]
    gallery = vectors["dense_gallery_lonlat"][:, ::-1]
    metres = geodesic_distance(query, gallery, "haversine")[0] * EQUATORIAL_RADIUS_M / MEAN_RADIUS_M
    np.testing.assert_allclose(metres, vectors["dense_haversine_m"], rtol=1e-6)
