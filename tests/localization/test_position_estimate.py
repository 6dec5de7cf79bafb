"""The estimate is the weighted geometric median on the sphere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from geoloc.errors import ConfigError
from geoloc.geo import geodesic_distance
from geoloc.localization.position_estimate import (
    estimated_position,
    score_weights,
    spread_m,
    unit_vectors,
)

places = st.tuples(st.integers(1, 8), st.integers(0, 10_000), st.floats(0.001, 60.0))


def draw(count: int, seed: int, spread_deg: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centre = rng.uniform([-70, -180], [70, 180])
    latlon = centre + rng.normal(0, spread_deg / 3, (count, 2))
    latlon[:, 0] = latlon[:, 0].clip(-90, 90)
    latlon[:, 1] = (latlon[:, 1] + 180) % 360 - 180
    return latlon, np.sort(rng.uniform(0.7, 0.9, count).astype(np.float32))[::-1]


@settings(max_examples=30)
@given(places)
def test_nothing_is_nearer_to_all(case: tuple[int, int, float]) -> None:
    latlon, scores = draw(*case)
    points, weights = unit_vectors(latlon), score_weights(scores)

    def cost(x: np.ndarray) -> float:
        return float(weights @ np.linalg.norm(points - x, axis=1))

    # the sphere's point that is nearest to the median of space, found by another method
    best = min(
        (
            minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-13})
            for start in (points.mean(axis=0), points[0])
        ),
        key=lambda found: found.fun,
    ).x
    expected = best / np.linalg.norm(best)
    lat, lon = estimated_position(latlon, scores)
    assert -90 <= lat <= 90
    assert -180 <= lon <= 180
    found = unit_vectors(np.array([[lat, lon]]))[0]
    # The minimum may be flat: two places of equal weight have every point between them.
    assert cost(found) <= cost(expected) + 1e-6 * case[2]


def test_the_antimeridian_and_the_pole_are_places_like_others() -> None:
    scores = np.array([0.8, 0.8, 0.8, 0.8], np.float32)
    lat, lon = estimated_position(
        np.array([[10, 179.9], [10, -179.9], [10.1, 180], [9.9, 180]]), scores
    )
    assert (lat, abs(lon)) == pytest.approx((10, 180), abs=1e-3)
    around = np.array([[89.9, lon] for lon in (0.0, 90.0, 180.0, -90.0)])
    assert estimated_position(around, scores)[0] == pytest.approx(90, abs=1e-6)


def test_far_outliers_do_not_move_it_far() -> None:
    near = np.array([[48.0, 11.0], [48.0001, 11.0], [48.0, 11.0001]])
    far = np.array([[-33.0, 151.0], [40.0, -74.0]])
    lat, lon = estimated_position(np.vstack([near, far]), np.full(5, 0.9, np.float32))
    assert geodesic_distance([(lat, lon)], near).max() < 30


def test_a_place_that_weighs_most_is_the_estimate() -> None:
    latlon = np.array([[48.0, 11.0], [50.0, 9.0], [51.0, 3.0]])
    scores = np.array([0.9, 0.8, 0.8], np.float32)  # 1 > 2 exp(-2)
    assert estimated_position(latlon, scores) == (48.0, 11.0)
    assert estimated_position(latlon, np.full(3, 0.9, np.float32), "top1") == (48.0, 11.0)
    antipodes = np.array([[0.0, 0.0], [0.0, 180.0]])
    assert np.isfinite(estimated_position(antipodes, np.full(2, 0.5, np.float32))).all()


def test_equal_places_and_one_place() -> None:
    twice = np.array([[48.0, 11.0]] * 3)
    scores = np.array([0.9, 0.8, 0.1], np.float32)
    assert estimated_position(twice, scores) == (48.0, 11.0)
    assert spread_m(twice, scores, (48.0, 11.0)) == 0
    assert estimated_position(twice[:1], scores[:1]) == (48.0, 11.0)
    with pytest.raises(ConfigError, match="'mode'"):
        estimated_position(twice, scores, "mode")
