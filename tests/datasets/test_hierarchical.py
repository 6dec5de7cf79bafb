import functools
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.datasets import HierarchicalSampler
from geoloc.errors import ConfigError
from geoloc.registry import SAMPLERS
from tests.datasets.sampler_contract import (
    check_order,
    check_order_is_of_seed_and_epoch,
    check_ranks_are_one_process,
    places,
    repeated,
)

SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=5)  # places per super class


def tree(sizes, images=3):
    """A label tree: fine label = place, coarse label = super class, numbered with gaps."""
    fine = np.arange(sum(sizes))
    coarse = np.repeat(np.arange(len(sizes)) * 10, sizes)
    return places(repeated([images] * sum(sizes)), label_columns=np.stack([fine, coarse], axis=1))


def shares(dataset, batch):
    """The number of images of each super class in a batch."""
    return Counter(dataset.label_columns[dataset.place_labels[batch], 1].tolist())


@given(SIZES, st.integers(1, 4), st.integers(1, 5), st.integers(1, 3), st.integers(1, 2))
@settings(max_examples=200)
def test_every_possible_tuple_fills_its_batches(sizes, images, per_batch, supers, repeats):
    dataset = tree(sizes)
    possible = [
        chosen
        for chosen in combinations(range(len(sizes)), supers)
        if sum(sizes[label] for label in chosen) >= per_batch
    ]
    build = functools.partial(
        HierarchicalSampler, dataset, per_batch * images, images, supers, repeats, -1, seed=0
    )
    if not possible:
        with pytest.raises(ConfigError, match=f"needs {per_batch} places from super_classes"):
            build()
        return
    batches = check_order(build(), per_batch * images, len(dataset.place_labels))
    assert len(batches) == len(possible) * repeats
    fitting: Counter = Counter()
    for batch in batches:
        shown, times = np.unique(dataset.place_labels[batch], return_counts=True)
        assert len(shown) == per_batch
        assert set(times) == {images}
        counted = shares(dataset, batch)
        assert len(counted) <= supers
        fitting[tuple(sorted(label // 10 for label in counted))] += 1
    if per_batch >= supers:  # then every super class of a tuple is seen
        assert fitting == dict.fromkeys(possible, repeats)


def test_super_classes_share_a_batch_and_make_up_for_small_ones():
    dataset = tree([2, 9, 9], images=4)
    sampler = HierarchicalSampler(dataset, 24, 3, 2, 4, label_column=1, seed=0)
    found = Counter(
        tuple(sorted(shares(dataset, batch).items())) for batch in check_order(sampler, 24, 80)
    )
    assert found == {
        ((0, 6), (10, 18)): 4,
        ((0, 6), (20, 18)): 4,
        ((10, 12), (20, 12)): 4,
    }


def test_images_of_a_place_are_used_evenly_and_distinct_in_a_batch():
    dataset = tree([4, 4, 4], images=5)
    sampler = HierarchicalSampler(dataset, 12, 3, label_column=1, seed=1)
    batches = check_order(sampler, 12, 60)
    assert all(len(set(batch)) == 12 for batch in batches.tolist())
    for used in np.bincount(batches.ravel(), minlength=60).reshape(12, 5):
        assert used.max() - used.min() <= 1
    few = tree([4, 4, 4], images=2)
    batch = next(iter(check_order(HierarchicalSampler(few, 12, 3, label_column=1, seed=1), 12, 24)))
    for place in np.unique(few.place_labels[batch]):
        used = batch[few.place_labels[batch] == place]
        assert sorted(Counter(used.tolist()).values()) == [1, 2]  # both images before a repeat


@given(SIZES, st.integers(1, 2), st.integers(1, 2), st.integers(2, 3), st.integers(0, 99))
@settings(max_examples=60)
def test_ranks_together_are_one_process(sizes, images, per_rank, world_size, seed):
    if max(sizes) < per_rank * world_size:
        return
    build = functools.partial(
        HierarchicalSampler,
        tree(sizes),
        images_per_place=images,
        super_classes_per_batch=1,
        label_column=1,
        seed=seed,
    )
    check_ranks_are_one_process(build, per_rank * images, world_size)


def test_order_is_a_function_of_seed_and_epoch():
    build = functools.partial(HierarchicalSampler, tree([5] * 4), label_column=1)
    check_order_is_of_seed_and_epoch(build, 16)


def campuses():
    """Two campuses of 6 places, 400 m from one to the next, 20 km apart; and a lonely place."""
    north = np.concatenate([np.arange(6) * 400, 20_000 + np.arange(6) * 400, [90_000]])
    latlon = np.stack([30 + north / 110_850, np.full(13, 114.0)], axis=1)
    shuffled = np.random.default_rng(0).permutation(13)
    group = np.array([0] * 6 + [1] * 6 + [2])[shuffled]
    dataset = places(
        repeated([4] * 13), place_latlon=latlon[shuffled], thresholds_m=(3.0, 200.0, 500.0)
    )
    return dataset, group


def test_campuses_are_the_super_classes_of_places_on_the_ground():
    dataset, group = campuses()
    sampler = SAMPLERS.build(
        {"type": "HierarchicalSampler", "batch_size": 16, "super_classes_per_batch": 1},
        default_args={"dataset": dataset, "seed": 0},
    )
    batches = check_order(sampler, 16, 52)
    found = [set(group[dataset.place_labels[batch]]) for batch in batches]
    assert sorted(found, key=min) == [{0}] * 5 + [{1}] * 5


def test_messages_name_numbers_and_a_fix():
    dataset = tree([3, 3])
    with pytest.raises(ConfigError, match=r"label_column=2: SimpleNamespace has 2 label columns"):
        HierarchicalSampler(dataset, 8, label_column=2, seed=0)
    with pytest.raises(ConfigError, match=r"label_column=-1: SimpleNamespace has 0 label columns"):
        HierarchicalSampler(campuses()[0], 8, label_column=-1, seed=0)
    with pytest.raises(ConfigError, match=r"needs the places' positions.*with a label_column"):
        HierarchicalSampler(dataset, 8, seed=0)
    nowhere = places(repeated([3] * 6), place_latlon=np.full((6, 2), np.nan), thresholds_m=())
    with pytest.raises(ConfigError, match=r"needs the places' positions.*with a label_column"):
        HierarchicalSampler(nowhere, 8, seed=0)
    labelled = campuses()[0]
    labelled.thresholds_m = ()
    with pytest.raises(ConfigError, match=r"thresholds_m=\(\); set label_column"):
        HierarchicalSampler(labelled, 8, seed=0)
    with pytest.raises(ConfigError, match=r"batch of 32 needs 8 places .*=2 .* has 2, .* 6 places"):
        HierarchicalSampler(dataset, 32, label_column=1, seed=0)
    with pytest.raises(ConfigError, match=r"batch_size=9 must be a multiple of images_per_place=4"):
        HierarchicalSampler(dataset, 9, label_column=1, seed=0)
    with pytest.raises(ConfigError, match=r"super_classes_per_batch=9 of 40 .* 273438880 comb"):
        HierarchicalSampler(tree([1] * 40), 8, 1, 9, label_column=1, seed=0)
    with pytest.raises(ConfigError, match="batches_per_super_tuple=0 must be at least 1"):
        HierarchicalSampler(dataset, 8, batches_per_super_tuple=0, label_column=1, seed=0)
