"""The planet looks as designed: ranges, isotropy, land, and look-alikes far apart."""

import numpy as np
import pytest

from geoloc.geo.sphere_index import SphereIndex
from geoloc.geo.unit_sphere import unit_vectors
from geoloc.globeworld.planet import uniform_vectors
from geoloc.globeworld.spec import GlobeSpec
from geoloc.globeworld.sphere_fields import SphereFields
from geoloc.globeworld.world import make_world

FIELDS = 24


def semivariance(fields: SphereFields, distance_km: float, seed: int = 0) -> float:
    """Return half the mean square difference of points so far apart, over all the fields."""
    rng = np.random.default_rng(seed)
    start = uniform_vectors(rng, 400)
    across = np.cross(start, uniform_vectors(rng, 400))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    turn = distance_km / 6371.0
    end = np.cos(turn) * start + np.sin(turn) * across
    return float(0.5 * ((fields.at(start) - fields.at(end)) ** 2).mean())


@pytest.mark.parametrize("range_km", [5000.0, 1000.0, 150.0])
def test_the_semivariogram_reaches_its_sill_at_the_range(range_km) -> None:
    fields = SphereFields(np.random.default_rng(1), FIELDS, range_km)
    for share, expected in ((0.2, 0.113), (0.5, 0.527), (1.0, 0.95)):
        assert semivariance(fields, share * range_km) == pytest.approx(expected, abs=0.08)
    expected = fields.semivariance(np.array([0.0, range_km]))
    np.testing.assert_allclose(expected, [0, 0.95], rtol=0, atol=1e-12)


def test_fields_have_no_pole_and_no_seam() -> None:
    fields = SphereFields(np.random.default_rng(2), 3, 1000.0)
    seam = fields.at(unit_vectors(np.array([[10.0, 180.0], [10.0, -180.0]])))
    np.testing.assert_allclose(seam[:, 0], seam[:, 1], rtol=0, atol=1e-8)
    pole = fields.at(unit_vectors(np.array([[90.0, 0.0], [90.0, 77.0], [89.99, 50.0]])))
    np.testing.assert_allclose(pole[:, 0], pole[:, 1], rtol=0, atol=1e-8)
    np.testing.assert_allclose(pole[:, 0], pole[:, 2], rtol=0, atol=0.05)


@pytest.fixture(scope="module")
def world():
    return make_world(GlobeSpec(seed=3, train_photos=1500, test_photos=400))


def test_all_photos_are_on_land_and_test_apart_from_train(world) -> None:
    photos = world.photos
    assert (world.appearance.height > 0).all()
    apart = SphereIndex(photos.latlon[photos.train]).nearest(photos.latlon[~photos.train])
    assert apart.distance_km.min() >= 1.0
    assert (photos.train.sum(), (~photos.train).sum()) == (1500, 400)
    assert len(np.unique(photos.number)) == 1900
    assert 0.3 < (photos.urban > 0).mean() < 0.9


def test_landmarks_recur_far_apart_and_are_seen_by_neighbours(world) -> None:
    photos = world.photos
    seen = photos.landmark >= 0
    assert 0.02 < seen.mean() < 0.5
    alike_far = alike_near = 0
    for kind in np.unique(photos.landmark[seen]).tolist():
        latlon = photos.latlon[photos.landmark == kind]
        km = SphereIndex(latlon).nearest(latlon, len(latlon)).distance_km
        alike_far += int((km > 2000).sum())
        alike_near += int(((km > 0) & (km < 120)).sum())
    assert alike_far > 100
    assert alike_near > 100


def test_areas_are_nested(world) -> None:
    for fine, coarse in (("city", "sub-region"), ("sub-region", "region"), ("region", "country")):
        for small, big in zip(world.areas[fine], world.areas[coarse], strict=True):
            assert str(small).endswith("_" + str(big))


def test_a_scene_looks_like_its_climate(world) -> None:
    """Photos of warm, dry places are redder than those of cool, wet ones."""
    score = world.appearance.warmth - world.appearance.moisture
    redness = []
    for rows in (np.argsort(score)[:12], np.argsort(score)[-12:]):
        pictures = np.stack([np.asarray(world.render(int(row), 32), float) for row in rows])
        redness.append((pictures[:, 20:, :, 0] - pictures[:, 20:, :, 2]).mean())
    assert redness[1] > redness[0] + 10
