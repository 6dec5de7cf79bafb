import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.datasets import GPSSampler
from geoloc.datasets.samplers import nearest_places
from geoloc.errors import ConfigError
from geoloc.geo import geodesic_distance
from geoloc.registry import SAMPLERS
from tests.datasets.sampler_contract import (
    check_order,
    check_order_is_of_seed_and_epoch,
    check_ranks_are_one_process,
    full_batches,
    places,
    repeated,
)


def scattered(counts, seed=0, centre=(30.0, 114.0)):
    generator = np.random.default_rng(seed)
    latlon = centre + generator.uniform(-0.05, 0.05, (len(counts), 2))
    return places(repeated(counts), place_latlon=latlon)


# At 70 degrees a degree of longitude is a third of one of latitude: whoever mixes up degrees,
# radians and axes finds other places. The last centre lies on the date line.
@pytest.mark.parametrize("centre", [(0.0, 10.0), (70.0, 25.0), (-45.0, 180.0)])
def test_neighbours_are_the_nearest_places_on_the_ground(centre):
    latlon = scattered([1] * 60, centre=centre).place_latlon
    latlon[:, 1] = (latlon[:, 1] + 180) % 360 - 180
    distance_m = geodesic_distance(latlon, latlon)
    np.fill_diagonal(distance_m, np.inf)
    expected = np.argsort(distance_m, axis=1)[:, :7]
    np.testing.assert_array_equal(nearest_places(latlon, 7), expected)


def test_places_at_one_point_are_each_others_neighbours_and_never_their_own():
    latlon = np.array([[30.0, 114.0]] * 6 + [[30.1, 114.0]])
    for count in (1, 3, 5, 99):
        table = nearest_places(latlon, count)
        assert table.shape == (7, min(count, 6))
        for place, row in enumerate(table.tolist()):
            assert place not in row
            assert len(set(row)) == len(row)
    assert nearest_places(latlon[:1], 5).shape == (1, 0)
    assert nearest_places(latlon[:2], 5).tolist() == [[1], [0]]


def test_anchors_stand_with_half_their_neighbours_by_rank_and_half_at_random():
    dataset = scattered([20] * 60)
    sampler = GPSSampler(dataset, 9, neighbour_select=8, neighbour_range=20, seed=0)
    batches = dataset.place_labels[check_order(sampler, 9, 1200)]
    random_ranks = []
    for batch in batches[:60]:  # no place is used up yet: a batch is one anchor and 8 neighbours
        row = sampler.neighbours[batch[0]].tolist()
        ranks = [row.index(place) for place in batch[1:].tolist()]
        assert ranks[:4] == [0, 1, 2, 3]
        random_ranks += ranks[4:]
    assert set(random_ranks) == set(range(4, 20))


COUNTS = st.lists(st.integers(1, 6), min_size=2, max_size=15)


@given(COUNTS, st.integers(1, 8), st.integers(2, 9), st.integers(1, 20), st.integers(0, 99))
@settings(max_examples=100)
def test_batches_are_unique_and_as_many_as_possible(counts, batch, select, within, seed):
    dataset = scattered(counts, seed)
    build = functools.partial(GPSSampler, dataset, batch, select, within, seed=seed)
    if batch > len(counts):
        with pytest.raises(ConfigError, match="unique places"):
            build()
        return
    batches = check_order(build(), batch, len(dataset.place_labels))
    assert len(batches) == full_batches(counts, batch)
    assert len(np.unique(batches)) == batches.size
    for items in batches:
        assert len(np.unique(dataset.place_labels[items])) == batch


@given(COUNTS, st.integers(1, 3), st.integers(2, 3), st.integers(0, 99))
@settings(max_examples=50)
def test_ranks_together_are_one_process(counts, batch, world_size, seed):
    if batch * world_size > len(counts):
        return
    check_ranks_are_one_process(
        functools.partial(GPSSampler, scattered(counts), seed=seed), batch, world_size
    )


def test_order_is_a_function_of_seed_and_epoch():
    dataset = scattered([3] * 60)
    check_order_is_of_seed_and_epoch(functools.partial(GPSSampler, dataset), 12)
    built = SAMPLERS.build(
        {"type": "GPSSampler", "batch_size": 12}, default_args={"dataset": dataset, "seed": 0}
    )
    assert built.neighbours.shape == (60, 59)


def test_messages_name_the_option():
    with pytest.raises(ConfigError, match="GPSSampler neighbour_select=1 must be at least 2"):
        GPSSampler(scattered([1] * 5), 2, neighbour_select=1, seed=0)
    with pytest.raises(ConfigError, match="GPSSampler needs the places' positions"):
        GPSSampler(places([0, 1, 2]), 2, seed=0)
