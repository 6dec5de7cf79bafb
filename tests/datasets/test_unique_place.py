import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.datasets import UniquePlaceSampler
from geoloc.datasets.samplers import global_batch
from geoloc.errors import ConfigError
from geoloc.registry import SAMPLERS
from tests.datasets.sampler_contract import check_ranks_are_one_process


class Places:
    def __init__(self, labels):
        self.place_labels = np.asarray(labels, dtype=np.int64)


def feasible(counts, batch):
    """Decide with Gale and Ryser's theorem whether a 0-1 table places x batches exists."""
    if batch > len(counts):
        return False
    full, short = divmod(sum(counts), batch)
    sizes = [batch] * full + [short] * bool(short)
    return all(
        sum(sizes[:k]) <= sum(min(count, k) for count in counts) for k in range(1, len(sizes) + 1)
    )


@pytest.fixture
def as_rank(monkeypatch):
    def set_rank(rank, world_size):
        monkeypatch.setattr(global_batch, "get_dist_info", lambda: (rank, world_size))

    return set_rank


COUNTS = st.lists(st.integers(1, 9), min_size=1, max_size=12)


@given(COUNTS, st.integers(1, 14), st.integers(0, 2**31), st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_order_is_complete_and_unique_exactly_when_possible(counts, batch, seed, shuffler):
    labels = [place * 3 for place, count in enumerate(counts) for _ in range(count)]
    shuffler.shuffle(labels)
    if not feasible(counts, batch):
        with pytest.raises(ConfigError, match="unique places"):
            UniquePlaceSampler(Places(labels), batch, seed=seed)
        return
    sampler = UniquePlaceSampler(Places(labels), batch, seed=seed)
    order = list(sampler)
    assert sorted(order) == list(range(len(labels)))
    assert len(sampler) == len(order)
    for start in range(0, len(order), batch):
        places = [labels[item] for item in order[start : start + batch]]
        assert len(places) == len(set(places))


@st.composite
def filled_batches(draw):
    """Draw a batch size, a number of ranks and items per place that do fill such batches."""
    batch, world_size = draw(st.integers(1, 4)), draw(st.integers(2, 3))
    size = batch * world_size
    places = range(draw(st.integers(size, 12)))
    sizes = [size] * draw(st.integers(1, 4)) + [draw(st.integers(0, size - 1))]
    drawn = [place for number in sizes for place in draw(st.permutations(places))[:number]]
    counts = np.bincount(drawn)
    return batch, world_size, counts[counts > 0].tolist()


@given(filled_batches(), st.integers(0, 99))
@settings(max_examples=100)
def test_ranks_together_are_one_process(filled, seed):
    batch, world_size, counts = filled
    assert feasible(counts, batch * world_size)
    dataset = Places(np.repeat(np.arange(len(counts)), counts))
    build = functools.partial(UniquePlaceSampler, dataset, seed=seed)
    check_ranks_are_one_process(build, batch, world_size)


def test_infeasible_though_no_place_exceeds_the_batches():
    """Counts 3, 3, 1 fill batches of 3, 3, 1 only if two places share the last, of one item."""
    with pytest.raises(ConfigError, match=r"3 batches \(the last of 1\)"):
        UniquePlaceSampler(Places([0, 0, 0, 1, 1, 1, 2]), 3, seed=0)


def test_messages_name_numbers_and_a_fix_that_works(as_rank):
    labels = np.repeat(np.arange(10), [40] + [10] * 9)
    as_rank(0, 2)
    with pytest.raises(ConfigError, match=r"batch of 12 \(6 on each of 2.*has 10; .*at most 5"):
        UniquePlaceSampler(Places(labels), 6, seed=0)
    with pytest.raises(ConfigError, match=r"one place has 40 of the 130 .* 13 batches.*at most 1"):
        UniquePlaceSampler(Places(labels), 5, seed=0)
    assert len(list(UniquePlaceSampler(Places(labels), 1, seed=0))) == 65
    with pytest.raises(ConfigError, match="batch_size=0"):
        UniquePlaceSampler(Places(labels), 0, seed=0)


def test_order_is_a_function_of_seed_and_epoch():
    dataset = Places(np.repeat(np.arange(20), 7))
    sampler = SAMPLERS.build(
        {"type": "UniquePlaceSampler", "batch_size": 8},
        default_args={"dataset": dataset, "seed": 3},
    )
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    second = list(sampler)
    assert second != first
    assert list(UniquePlaceSampler(dataset, 8, seed=4)) != first
    resumed = UniquePlaceSampler(dataset, 8, seed=3)
    resumed.set_epoch(1)
    assert list(resumed) == second
    fixed = UniquePlaceSampler(dataset, 8, seed=3, shuffle=False)
    fixed.set_epoch(1)
    assert list(fixed) == first


def test_a_short_epoch_is_the_start_of_a_whole_one():
    dataset = Places(np.repeat(np.arange(20), 7))
    whole = list(UniquePlaceSampler(dataset, 8, seed=3))
    short = UniquePlaceSampler(dataset, 8, seed=3, batches_per_epoch=2)
    assert list(short) == whole[:16]
    assert len(short) == 16
    assert len(UniquePlaceSampler(dataset, 8, seed=3, batches_per_epoch=999)) == len(whole)


def test_seed_none_draws_a_shared_seed(monkeypatch):
    monkeypatch.setattr(global_batch, "sync_random_seed", lambda: 77)
    dataset = Places(np.repeat(np.arange(6), 3))
    assert list(UniquePlaceSampler(dataset, 3)) == list(UniquePlaceSampler(dataset, 3, seed=77))


def test_no_place_is_favoured_early_or_late():
    """With equal counts every place must be as likely in the first batch as in any other."""
    dataset = Places(np.repeat(np.arange(12), 5))
    sampler = UniquePlaceSampler(dataset, 4, seed=0)
    hits = np.zeros((15, 12))
    for epoch in range(600):
        sampler.set_epoch(epoch)
        for number, batch in enumerate(dataset.place_labels[list(sampler)].reshape(15, 4)):
            hits[number, batch] += 1
    # 600 draws of probability 1/3: standard deviation 11.5
    np.testing.assert_allclose(hits, 200, atol=60)


def test_every_image_of_a_place_may_come_first_and_at_any_position():
    """Place 0 is in every batch: neither its images nor its position may be in a fixed order."""
    dataset = Places(np.repeat(np.arange(9), [6] + [3] * 8))
    sampler = UniquePlaceSampler(dataset, 5, seed=0)
    first, position = np.zeros(6), np.zeros(5)
    for epoch in range(600):
        sampler.set_epoch(epoch)
        batch = list(sampler)[:5]
        where = int(np.flatnonzero(dataset.place_labels[batch] == 0)[0])
        position[where] += 1
        first[batch[where]] += 1
    np.testing.assert_allclose(first, 100, atol=45)  # standard deviation 9
    np.testing.assert_allclose(position, 120, atol=45)
