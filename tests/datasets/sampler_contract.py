"""What every sampler promises, checked on any of them."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from geoloc.datasets.samplers import GlobalBatchSampler, global_batch

# A sampler for a batch size per process, with or without batches_per_epoch.
Build = Callable[..., GlobalBatchSampler]


def places(labels, **attributes):
    return SimpleNamespace(place_labels=np.asarray(labels, dtype=np.int64), **attributes)


def repeated(counts):
    return np.repeat(np.arange(len(counts)), counts)


def full_batches(counts, size):
    """Count the full batches of distinct places one by one, by Gale and Ryser's condition."""
    best = 0
    for number in range(1, sum(counts) // size + 1):
        if sum(min(count, number) for count in counts) >= number * size:
            best = number
    return best


def check_order(sampler, batch_size, num_items):
    """Check length and items of an epoch; return its batches [b, batch_size]."""
    order = list(sampler)
    assert len(order) == len(sampler)
    assert all(isinstance(item, int) and 0 <= item < num_items for item in order)
    assert len(order) % batch_size == 0
    return np.array(order).reshape(-1, batch_size)


def check_ranks_are_one_process(
    build: Build, batch_size: int, world_size: int, epoch: int = 0
) -> None:
    """Check that the ranks' blocks in turn are the batches of a single process.

    Of a last batch that is short, the ranks leave out what they cannot share evenly.
    """
    single = order_of(build(batch_size * world_size), epoch)
    ranks = []
    with pytest.MonkeyPatch.context() as patch:
        for rank in range(world_size):
            patch.setattr(global_batch, "get_dist_info", lambda rank=rank: (rank, world_size))
            ranks.append(order_of(build(batch_size), epoch))
    steps = range(0, len(ranks[0]), batch_size)
    joined = [item for step in steps for order in ranks for item in order[step : step + batch_size]]
    left_out = len(single) % (batch_size * world_size) % world_size
    assert joined == single[: len(single) - left_out]


def order_of(sampler: GlobalBatchSampler, epoch: int) -> list[int]:
    """Return the items of an epoch, as many as the sampler says."""
    sampler.set_epoch(epoch)
    order = list(sampler)
    assert len(order) == len(sampler)
    return order


def check_order_is_of_seed_and_epoch(build: Build, batch_size: int) -> None:
    """Check that (seed, epoch) alone choose the order, also after a resume."""
    sampler = build(batch_size, seed=3)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    second = list(sampler)
    assert second != first
    assert len(second) == len(first) == len(sampler)
    resumed = build(batch_size, seed=3)
    resumed.set_epoch(1)
    assert list(resumed) == second
    assert list(build(batch_size, seed=4)) != first
    short = build(batch_size, seed=3, batches_per_epoch=1)
    assert len(list(short)) == len(short) == batch_size
