"""Where places lie: density, separation, coordinates."""

import numpy as np
import pytest
from geopy.distance import geodesic

from geoloc.campusworld.dataset import index_texts, world_spec
from geoloc.campusworld.georeference import campus_origin, to_degrees
from geoloc.campusworld.layout import make_layout
from geoloc.campusworld.spec import PRESETS, plan_campuses, random_stream
from geoloc.campusworld.style import Style, campus_styles, style_fields
from geoloc.errors import ConfigError


def haversine_m(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return distances on the mean sphere between (lat, lon) in degrees."""
    (lat_a, lon_a), (lat_b, lon_b) = np.radians(a).T, np.radians(b).T
    h = np.sin((lat_b - lat_a) / 2) ** 2
    h = h + np.cos(lat_a) * np.cos(lat_b) * np.sin((lon_b - lon_a) / 2) ** 2
    return 2 * 6371008.8 * np.arcsin(np.sqrt(h))


@pytest.fixture(scope="module")
def places() -> dict[str, list[np.ndarray]]:
    """Return the places of each campus of the dacampus preset, in m."""
    spec = PRESETS["dacampus"]
    by_split: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    for plan in plan_campuses(spec):
        by_split[plan.split].append(make_layout(spec, plan).places)
    return by_split


def distances(points: np.ndarray) -> np.ndarray:
    table = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    return table[~np.eye(len(points), dtype=bool)].reshape(len(points), -1)


def test_counts_are_those_of_da_campus(places: dict[str, list[np.ndarray]]) -> None:
    assert sum(map(len, places["train"])) == 450
    assert sum(map(len, places["test"])) == 300


def test_density_is_that_of_da_campus(places: dict[str, list[np.ndarray]]) -> None:
    tables = [distances(p) for group in places.values() for p in group]
    near = np.mean(np.concatenate([(t < 200).sum(1) for t in tables]))
    middle = np.mean(np.concatenate([(t < 500).sum(1) for t in tables]))
    far = np.mean(np.concatenate([(t >= 500).sum(1) for t in tables]))
    assert 8.5 < near < 13.0
    assert 43.0 < middle < 54.0
    assert far > 10.0  # level 0 occurs on one's own campus as well


def test_places_are_apart(places: dict[str, list[np.ndarray]]) -> None:
    for group in places.values():
        for points in group:
            assert distances(points).min() >= 15.0
            assert np.ptp(points, axis=0).max() < 1300.0


@pytest.mark.parametrize("seed", [0, 5])
def test_degrees_reproduce_the_metres_of_a_campus(seed: int) -> None:
    origin = campus_origin(seed, 2)
    points = np.random.default_rng(seed).uniform(-500, 500, (30, 2))
    degrees = to_degrees(origin, points)
    for (a, b), (p, q) in zip(
        zip(degrees[::2], degrees[1::2], strict=True),
        zip(points[::2], points[1::2], strict=True),
        strict=True,
    ):
        metres = np.hypot(*(p - q))
        assert geodesic(a, b).m == pytest.approx(metres, rel=1e-3)
        assert haversine_m(a[None], b[None])[0] == pytest.approx(metres, rel=5e-3)
    north, east = to_degrees(origin, np.array([[0.0, 100.0], [100.0, 0.0]]))
    assert north[0] > origin[0]
    assert north[1] == origin[1]
    assert east[1] > origin[1]
    assert east[0] == origin[0]


def test_campuses_are_apart_and_not_shared() -> None:
    spec = world_spec("dacampus")
    plans = list(plan_campuses(spec))
    origins = np.array([campus_origin(spec.seed, plan.index) for plan in plans])
    gaps = [haversine_m(o[None], np.delete(origins, i, 0)).min() for i, o in enumerate(origins)]
    assert min(gaps) > 6000.0  # and a campus reaches less than 2 km
    assert len({plan.index for plan in plans}) == len(plans)
    assert np.all((origins >= [30, 110]) & (origins <= [40, 120]))
    texts = index_texts(spec)
    rows = {
        split: np.array(
            [line.split(" ")[2:] for line in texts[f"satellite/{split}.txt"].splitlines()[1:]],
            dtype=float,
        )
        for split in ("train", "test")
    }
    nearest = min(haversine_m(row[None], rows["train"]).min() for row in rows["test"])
    assert nearest > 2000.0


def test_streams_of_a_campus_a_place_and_a_view_differ() -> None:
    keys = [(0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 0), (0, 0, 1), (0, 1, 0)]
    draws = [random_stream(9, *key).random() for key in keys]
    assert len(set(draws)) == len(keys)


def test_style_drifts_smoothly_over_a_campus() -> None:
    spec = PRESETS["dacampus"]
    samples = []
    for plan in plan_campuses(spec):
        layout = make_layout(spec, plan)
        x = np.full(400, 0.0) + np.random.default_rng(plan.index).uniform(300, 700, 400)
        y = np.random.default_rng(plan.index + 99).uniform(300, 700, 400)
        here = layout.style.at(x, y)
        samples.append([np.corrcoef(here.ravel(), layout.style.at(x + d, y).ravel())[0, 1]
                        for d in (20.0, 120.0, 450.0)])  # fmt: skip
    near, middle, far = np.mean(samples, axis=0)
    assert near > 0.9
    assert near > middle + 0.1
    assert middle > far + 0.2


def test_campuses_share_as_much_style_as_asked_for() -> None:
    def fields(campus_style: float) -> np.ndarray:
        """Return the styles of 40 campuses at 25 spots, ``[campus, style, spot]``."""
        common = campus_styles(np.random.default_rng(7), 40)
        spots = np.linspace(300, 1100, 5)
        x, y = (axis.ravel() for axis in np.meshgrid(spots, spots))
        return np.stack(
            [
                style_fields(random_stream(7, k), 1400.0, campus_style, common[k]).at(x, y)
                for k in range(40)
            ]
        )

    for campus_style in (0.0, 0.6, 1.0):
        values = fields(campus_style)
        assert np.var(values) == pytest.approx(1.0, abs=0.15)
        drift = np.var(values, axis=2, ddof=1).mean()  # correlated spots: below the true variance
        assert drift <= 1.05 - campus_style + 1e-9
        assert drift >= 0.6 * (1.0 - campus_style)
    with pytest.raises(ConfigError, match=r"campus_style=1.5 must be in 0 .. 1"):
        world_spec("mini", campus_style=1.5)


@pytest.mark.parametrize("campuses", [1, 2, 4, 10])
def test_campuses_differ_evenly_in_every_style(campuses: int) -> None:
    styles = campus_styles(np.random.default_rng(0), campuses)
    assert styles.shape == (campuses, len(Style))
    np.testing.assert_allclose(styles.mean(axis=0), 0, atol=1e-9)
    if campuses > 1:
        np.testing.assert_allclose(styles.std(axis=0), 1)
        ordered = np.sort(styles, axis=0)
        assert np.ptp(ordered, axis=1).max() < 1e-9  # every style has the same levels
        assert (np.diff(ordered, axis=0) > 0.2).all()
        assert campuses == 2 or len({tuple(column) for column in styles.T}) > 2


def test_each_split_has_campuses_of_its_own_style() -> None:
    spec = world_spec("mini", places=(300, 150), campus_style=1.0)
    looks = {"train": [], "test": []}
    for plan in plan_campuses(spec):
        style = make_layout(spec, plan).style.at(np.array([400.0]), np.array([500.0]))
        looks[plan.split].append(style[:, 0])
    for split, count in (("train", 4), ("test", 2)):
        values = np.sort(np.stack(looks[split]), axis=0)
        assert len(values) == count
        expected = np.sort(campus_styles(np.random.default_rng(1), count), axis=0)
        np.testing.assert_allclose(values, expected, atol=1e-9)


def test_a_world_without_campus_style_is_recorded_as_before() -> None:
    assert "campus_style" not in world_spec("mini").parameters()
    assert world_spec("mini", campus_style=0.5).parameters()["campus_style"] == 0.5
