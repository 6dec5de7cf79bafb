import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.datasets import NearPlaceSampler, UniquePlaceSampler
from geoloc.errors import ConfigError
from geoloc.geo import geodesic_distance, relevance_levels
from geoloc.registry import SAMPLERS
from tests.datasets.sampler_contract import (
    check_order,
    check_order_is_of_seed_and_epoch,
    check_ranks_are_one_process,
    full_batches,
    places,
    repeated,
)

THRESHOLDS_M = (3.0, 200.0, 500.0)


def layout(counts, campuses=8, spread_m=250.0, seed=0):
    """Campuses 10 km apart. 400 places have 7 others within 200 m, and 31 within 500 m."""
    generator = np.random.default_rng(seed)
    campus = np.arange(len(counts)) % campuses
    north = campus * 10_000 + generator.normal(0, spread_m, len(counts))
    east = generator.normal(0, spread_m, len(counts))
    latlon = np.stack([30 + north / 110_850, 114 + east / 96_486], axis=1)
    return places(repeated(counts), place_latlon=latlon, thresholds_m=THRESHOLDS_M)


def partners(dataset, sampler, batch_size):
    """Mean number of partners with level >= 2 and with level >= 1 per row of a batch."""
    distance_m = geodesic_distance(dataset.place_latlon, dataset.place_latlon)
    levels = relevance_levels(distance_m, dataset.thresholds_m)
    found = []
    for batch in check_order(sampler, batch_size, len(dataset.place_labels)):
        shown = dataset.place_labels[batch]
        block = levels[np.ix_(shown, shown)]
        found.append([(block >= level).sum(axis=1).mean() - 1 for level in (2, 1)])
    return np.mean(found, axis=0)


@pytest.mark.parametrize("images", [1, 6])
def test_batches_hold_far_more_near_places_than_random_ones(images):
    dataset = layout([images] * 400)
    near = partners(dataset, NearPlaceSampler(dataset, 40, seed=0), 40)
    unique = partners(dataset, UniquePlaceSampler(dataset, 40, seed=0), 40)
    # measured: 2.0 to 2.4 against 0.6 within 200 m, 6.6 to 7.8 against 3.0 within 500 m
    assert near[0] > 3 * unique[0]
    assert near[1] > 2 * unique[1]


def test_ring_sizes_choose_the_levels():
    dataset = layout([6] * 400)
    inner = partners(dataset, NearPlaceSampler(dataset, 40, (6, 0), seed=0), 40)
    outer = partners(dataset, NearPlaceSampler(dataset, 40, (0, 6), seed=0), 40)
    assert inner[0] > 2 * outer[0]
    none = partners(dataset, NearPlaceSampler(dataset, 40, (0, 0), seed=0), 40)
    unique = partners(dataset, UniquePlaceSampler(dataset, 40, seed=0), 40)
    np.testing.assert_allclose(none, unique, atol=0.15)


def test_rings_are_those_of_the_relevance_levels():
    dataset = layout([1] * 200, campuses=3, spread_m=250)
    dataset.place_latlon[7] = dataset.place_latlon[4]  # two places at one point
    sampler = NearPlaceSampler(dataset, 8, seed=0)
    distance_m = geodesic_distance(dataset.place_latlon, dataset.place_latlon)
    levels = relevance_levels(distance_m, THRESHOLDS_M)
    np.fill_diagonal(levels, 0)
    for place, row in enumerate(levels):
        first, second = sampler._rings(place)
        assert set(first) == set(np.flatnonzero(row >= 2))
        assert set(second) == set(np.flatnonzero(row == 1))


COUNTS = st.lists(st.integers(1, 6), min_size=2, max_size=15)


@given(COUNTS, st.integers(1, 8), st.integers(0, 3), st.integers(0, 99))
@settings(max_examples=100)
def test_batches_are_unique_and_as_many_as_possible(counts, batch, most, seed):
    dataset = layout(counts, campuses=3, spread_m=200, seed=seed)
    if batch > len(counts):
        with pytest.raises(ConfigError, match="unique places"):
            NearPlaceSampler(dataset, batch, (most, most), seed=seed)
        return
    sampler = NearPlaceSampler(dataset, batch, (most, most), seed=seed)
    batches = check_order(sampler, batch, len(dataset.place_labels))
    assert len(batches) == full_batches(counts, batch)
    assert len(np.unique(batches)) == batches.size
    for items in batches:
        assert len(np.unique(dataset.place_labels[items])) == batch


@given(COUNTS, st.integers(1, 3), st.integers(2, 3), st.integers(0, 99))
@settings(max_examples=50)
def test_ranks_together_are_one_process(counts, batch, world_size, seed):
    if batch * world_size > len(counts):
        return
    build = functools.partial(NearPlaceSampler, layout(counts, campuses=3), seed=seed)
    check_ranks_are_one_process(build, batch, world_size)


def test_order_is_a_function_of_seed_and_epoch():
    dataset = layout([3] * 60)
    check_order_is_of_seed_and_epoch(functools.partial(NearPlaceSampler, dataset), 12)
    built = SAMPLERS.build(
        {"type": "NearPlaceSampler", "batch_size": 12, "neighbours": [2, 3]},
        default_args={"dataset": dataset, "seed": 0},
    )
    assert built.neighbours == (2, 3)


def test_messages_name_numbers_and_a_fix():
    dataset = layout([2] * 10)
    with pytest.raises(ConfigError, match=r"batch of 11 .* has 10; set batch_size to at most 10"):
        NearPlaceSampler(dataset, 11, seed=0)
    with pytest.raises(ConfigError, match=r"neighbours=\(4,\) must have 2 numbers.*200.0, 500.0"):
        NearPlaceSampler(dataset, 4, (4,), seed=0)
    with pytest.raises(ConfigError, match=r"neighbours=\(4, -1\)"):
        NearPlaceSampler(dataset, 4, (4, -1), seed=0)
    with pytest.raises(ConfigError, match=r"NearPlaceSampler needs the places' positions"):
        NearPlaceSampler(places(repeated([2] * 10), thresholds_m=THRESHOLDS_M), 4, seed=0)
    dataset.thresholds_m = (3.0,)
    with pytest.raises(ConfigError, match="at least two thresholds_m"):
        NearPlaceSampler(dataset, 4, (), seed=0)
