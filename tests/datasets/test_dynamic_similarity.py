import functools

import numpy as np
import pytest
import torch

from geoloc.datasets import DynamicSimilaritySampler, GPSSampler
from geoloc.datasets.samplers import most_similar
from geoloc.errors import ConfigError
from geoloc.registry import SAMPLERS
from tests.datasets.sampler_contract import (
    check_order,
    check_order_is_of_seed_and_epoch,
    check_ranks_are_one_process,
)
from tests.datasets.test_gps import scattered


def ring(size, width):
    """A table that knows nothing of the ground: the next places by number."""
    return (np.arange(size)[:, None] + 1 + np.arange(width)) % size


def build(batch_size, table=None, **options):
    sampler = DynamicSimilaritySampler(scattered([3] * 60), batch_size, 4, 4, **options)
    if table is not None:
        sampler.set_neighbours(table)
    return sampler


def test_it_starts_with_the_neighbours_on_the_ground():
    dataset = scattered([3] * 60)
    options = {"batch_size": 6, "neighbour_select": 4, "neighbour_range": 9, "seed": 1}
    started = SAMPLERS.build(
        {"type": "DynamicSimilaritySampler", **options}, default_args={"dataset": dataset}
    )
    assert list(started) == list(GPSSampler(dataset, **options))


def test_set_neighbours_stand_together():
    sampler = build(5, ring(60, 4), seed=0)
    labels = np.repeat(np.arange(60), 3)
    batches = labels[check_order(sampler, 5, 180)]
    together = [(batch - batch[0]) % 60 for batch in batches]
    whole = sum(sorted(steps) == [0, 1, 2, 3, 4] for steps in together)
    assert whole > 15  # of 36; the others begin where neighbours were used up
    assert sorted(together[0]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("table", [None, ring(60, 4)])
def test_ranks_and_epochs_keep_the_contract(table):
    check_ranks_are_one_process(functools.partial(build, table=table, seed=5), 4, 3)
    check_order_is_of_seed_and_epoch(functools.partial(build, table=table), 12)


def test_official_similarity_neighbours(golden):
    """The 16 most similar references, the true one excluded, as Sample4Geo's code finds them."""
    vectors = golden("cv_s4g_eval")
    labels = vectors["ref_label"]
    own = np.array([int(np.flatnonzero(labels == label)[0]) for label in vectors["query_label"]])
    arguments = (torch.from_numpy(vectors[name]) for name in ("query_f", "ref_f"))
    found = most_similar(*arguments, torch.from_numpy(own), 16)
    np.testing.assert_array_equal(labels[found.numpy()], vectors["nearest16"])


def test_most_similar_takes_all_others_of_a_small_set(monkeypatch):
    rows = torch.nn.functional.normalize(torch.randn(7, 4, generator=torch.manual_seed(0)), dim=1)
    whole = most_similar(rows, rows, torch.arange(7), 99)
    assert [sorted(row) for row in whole.tolist()] == [
        [other for other in range(7) if other != place] for place in range(7)
    ]
    monkeypatch.setattr("geoloc.datasets.samplers.neighbour_table._BLOCK_ROWS", 3)
    assert torch.equal(most_similar(rows, rows, torch.arange(7), 99), whole)


def test_a_table_of_another_dataset_is_refused():
    sampler = build(5, seed=0)
    with pytest.raises(ConfigError, match=r"for 60 places .* got int64 \[50, 4\]; was it made on"):
        sampler.set_neighbours(ring(50, 4))
    with pytest.raises(ConfigError, match=r"whole numbers \[60, k\], got float64"):
        sampler.set_neighbours(ring(60, 4) * 1.0)
    with pytest.raises(ConfigError, match="for 60 places names place 63"):
        sampler.set_neighbours(ring(60, 4) + 4)
