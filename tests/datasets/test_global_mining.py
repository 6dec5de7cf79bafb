import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.datasets.samplers import GlobalMiningSampler, mined_halves, pool_candidates
from geoloc.errors import ConfigError

from .sampler_contract import (
    check_order_is_of_seed_and_epoch,
    check_ranks_are_one_process,
    places,
    repeated,
)

COUNTS = [3, 1, 2, 4, 2, 3, 1, 2, 3, 3]


def ring(items, length=3):
    """Let every place look like the next ``length`` ones."""
    labels = repeated(COUNTS)
    table = (labels[:, None] + 1 + np.arange(length)) % len(COUNTS)
    table[items] = -1
    return table


def sampler(batch_size, mined=True, **options):
    built = GlobalMiningSampler(places(repeated(COUNTS)), batch_size, **{"seed": 0, **options})
    if mined:
        built.set_candidates(ring([]))
    return built


def test_candidates_are_the_most_similar_of_a_random_pool():
    generator = torch.Generator().manual_seed(0)
    query, gallery = (F.normalize(torch.randn(n, 6, generator=generator)) for n in (5, 30))
    labels = torch.arange(30) // 2
    everything = pool_candidates(query, gallery, labels, 4, 99, np.random.default_rng(0))
    for row, anchor in zip(everything.tolist(), query, strict=True):
        order = sorted(range(30), key=lambda image: -float(anchor @ gallery[image]))
        assert row == [image // 2 for image in order[:4]]
    drawn = [
        pool_candidates(query, gallery, labels, 10, 10, np.random.default_rng(seed))
        for seed in (1, 1, 2)
    ]
    assert torch.equal(drawn[0], drawn[1])
    assert set(drawn[0][0].tolist()) == set(drawn[0][1].tolist())  # one pool for all queries
    assert set(drawn[0][0].tolist()) != set(drawn[2][0].tolist())
    assert pool_candidates(query, gallery, labels, 20, 7, np.random.default_rng(0)).shape == (5, 7)


@given(st.integers(1, 5), st.integers(0, 5), st.integers(0, 99))
@settings(max_examples=100)
def test_every_first_item_brings_one_of_its_candidates(half, mined, seed):
    labels = repeated(COUNTS)
    generator = np.random.default_rng(seed)
    mined = min(mined, half)
    first = np.stack(
        [
            [generator.choice(np.flatnonzero(labels == place)) for place in row]
            for row in (generator.permutation(len(COUNTS))[:half] for _ in range(3))
        ]
    )
    table = ring([0, 5])
    batches = mined_halves(first, labels, table, mined, generator)
    assert batches.shape == (3, half + mined)
    for begin, batch in zip(first, batches, strict=True):
        assert batch[:half].tolist() == begin.tolist()
        chosen = labels[batch]
        assert len(set(chosen)) == len(batch)
        for number, item in enumerate(begin[:mined]):
            before = set(chosen[: half + number].tolist())
            open_places = set(table[item].tolist()) - before - {-1}
            assert chosen[half + number] in open_places or not open_places


def test_candidates_and_images_are_drawn_at_random():
    labels = repeated(COUNTS)
    first = np.zeros((400, 1), dtype=np.intp)
    batches = mined_halves(first, labels, ring([]), 1, np.random.default_rng(0))
    assert set(batches[:, 1]) == set(np.flatnonzero(np.isin(labels, [1, 2, 3])))


@pytest.mark.parametrize("mined", [False, True])
@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_it_keeps_the_contract_of_samplers(mined, batch_size):
    check_ranks_are_one_process(lambda size: sampler(size, mined), batch_size, 2)
    check_order_is_of_seed_and_epoch(lambda size, **o: sampler(size, mined, **o), batch_size)


@pytest.mark.parametrize("batch_size", [4, 5])
def test_half_of_a_batch_is_mined(batch_size):
    labels = repeated(COUNTS)
    built = sampler(batch_size)
    batches = np.array(list(built)).reshape(-1, batch_size)
    half = batch_size - batch_size // 2
    mined = 0
    for batch in labels[batches]:
        assert len(set(batch)) == batch_size
        for begin, added in zip(batch, batch[half:], strict=False):
            mined += (added - begin) % len(COUNTS) in (1, 2, 3)
    assert mined == len(batches) * (batch_size // 2)
    random = np.array(list(sampler(batch_size, mined=False))).reshape(-1, batch_size)
    np.testing.assert_array_equal(random[:, :half], batches[:, :half])


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="keep=0"):
        sampler(4, keep=0)
    with pytest.raises(ConfigError, match="unique places"):
        sampler(11)
    built = sampler(4)
    with pytest.raises(ConfigError, match="another dataset"):
        built.set_candidates(ring([])[:5])
    with pytest.raises(ConfigError, match="another dataset"):
        built.set_candidates(ring([]) + 1)
