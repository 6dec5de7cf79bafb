import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.datasets import place_levels as module
from geoloc.datasets.index import Index
from geoloc.datasets.place_levels import DistanceLevels, SparseDistanceLevels, place_levels
from geoloc.errors import ConfigError, CoordinateError
from geoloc.evaluation.results import metrics_of
from geoloc.evaluation.retrieval import evaluate_retrieval
from geoloc.geo import geodesic_distance
from tests.geo.strategies import campuses

THRESHOLDS_M = st.sampled_from([(3.0, 200.0, 500.0), (1.0,), (50.0, 2e4), (5, 10, 100, 400)])


def labels(draw, count):
    """Return labels of places, repeated, unsorted, and possibly none."""
    return torch.tensor(draw(st.lists(st.integers(0, count - 1), max_size=30)), dtype=torch.int64)


def assert_same(sparse, dense, rows, columns):
    found, expected = sparse(rows, columns), dense(rows, columns)
    assert found.dtype == expected.dtype == torch.int8
    assert torch.equal(found, expected)


@settings(max_examples=150)
@given(campuses(), THRESHOLDS_M, st.data())
def test_sparse_levels_are_those_of_the_table(latlon, thresholds_m, data):
    sparse = SparseDistanceLevels.from_positions(latlon, thresholds_m)
    dense = DistanceLevels.from_positions(latlon, thresholds_m)
    assert len(sparse) == len(dense) == len(latlon)
    assert sparse.highest == dense.highest == len(thresholds_m)
    everyone = torch.arange(len(latlon))
    assert_same(sparse, dense, everyone, everyone)
    assert (sparse(everyone, everyone).diagonal() == sparse.highest).all()
    for _ in range(3):
        rows, columns = labels(data.draw, len(latlon)), labels(data.draw, len(latlon))
        assert_same(sparse, dense, rows, columns)
    assert int(dense.table.count_nonzero()) == len(sparse.level) == len(sparse.near)


@given(campuses(), st.data())
def test_bounds_are_inclusive_to_the_last_bit(latlon, data):
    distance = np.unique(geodesic_distance(latlon, latlon))
    bounds = distance[distance > 0].tolist()
    if not bounds:
        return
    picked = data.draw(st.lists(st.sampled_from(bounds), min_size=1, max_size=3, unique=True))
    everyone = torch.arange(len(latlon))
    for thresholds_m in (sorted(picked), np.nextafter(sorted(picked), 0)):
        sparse = SparseDistanceLevels.from_positions(latlon, thresholds_m)
        assert_same(sparse, DistanceLevels.from_positions(latlon, thresholds_m), everyone, everyone)


def test_nothing_but_near_pairs_is_stored_and_nothing_saved():
    latlon = np.stack([np.linspace(-60, 60, 5000), np.linspace(-180, 180, 5000)], axis=1)
    levels = SparseDistanceLevels.from_positions(latlon, (3.0, 200.0, 500.0))
    assert len(levels.near) == 5000  # every place is near itself only
    assert not levels.state_dict()
    positions, *entries = levels.buffers()
    assert torch.equal(positions, torch.from_numpy(latlon))
    assert [buffer.dtype for buffer in entries] == [torch.int64, torch.int32, torch.int8]


def index_of(latlon, root):
    count = len(latlon)
    return Index(
        [f"{number}.jpg" for number in range(2 * count)],
        np.repeat(["drone", "satellite"], count),
        np.tile(np.arange(count), 2),
        *np.tile(latlon, (2, 1)).T,
        ["test"] * (2 * count),
        root,
    )


def test_many_places_get_sparse_levels_and_the_same_results(monkeypatch, tmp_path):
    generator = np.random.default_rng(0)
    index = index_of([30.0, 114.0] + generator.normal(size=(40, 2)) * 0.003, tmp_path)
    descriptors = torch.nn.functional.normalize(
        torch.from_numpy(generator.normal(size=(80, 4))).float()
    )
    thresholds_m = (3.0, 200.0, 500.0)
    assert isinstance(place_levels(index, thresholds_m), DistanceLevels)
    expected = metrics_of(evaluate_retrieval(descriptors, index, thresholds_m))
    monkeypatch.setattr(module, "DENSE_PLACES", 39)
    assert isinstance(place_levels(index, thresholds_m), SparseDistanceLevels)
    assert metrics_of(evaluate_retrieval(descriptors, index, thresholds_m)) == expected
    with pytest.raises(ConfigError, match=r"more than \d+ places, leave official out"):
        evaluate_retrieval(descriptors, index, thresholds_m, official="dycl")


def test_what_has_no_levels_is_named():
    with pytest.raises(ConfigError, match="thresholds_m"):
        SparseDistanceLevels.from_positions(np.array([[30.0, 114.0]]), (500.0, 3.0))
    with pytest.raises(CoordinateError, match="row 0"):
        SparseDistanceLevels.from_positions(np.array([[np.nan, 114.0]]), (3.0,))
    one = SparseDistanceLevels.from_positions(np.array([[30.0, 114.0]]), (3.0,))
    for rows, columns in (([1], [0]), ([0], [1])):
        with pytest.raises((IndexError, RuntimeError), match=r"out of (bounds|range)"):
            one(torch.tensor(rows), torch.tensor(columns))
