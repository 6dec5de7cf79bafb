import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.datasets.samplers import neighbour_batches
from geoloc.datasets.samplers.gps import listed_neighbours
from tests.datasets.sampler_contract import full_batches, repeated


@pytest.mark.parametrize("case", ["a", "b", "c"])
@pytest.mark.parametrize("kind", ["", "_nosim"])
def test_official_batches(golden, case, kind):
    """With the identity for every shuffle the batches are those of Sample4Geo's code."""
    vectors = golden("cv_s4g_sampler")
    ids = vectors["train_ids"]
    label = {int(number): row for row, number in enumerate(ids)}
    table = np.full((len(ids), vectors["sim_vals"].shape[1]), -1)
    for key, row in zip(vectors["sim_keys"], vectors["sim_vals"], strict=True):
        table[label[int(key)]] = [label[int(number)] for number in row]
    if kind:
        table = table[:, :0]
    batch, select, within = (int(number) for number in vectors[f"cfg_{case}"])
    neighbours = listed_neighbours(table, select, within, permute=lambda rest: rest)
    drawn = neighbour_batches(np.arange(len(ids)), neighbours, batch, len(ids))
    np.testing.assert_array_equal(ids[drawn], vectors[f"samples_{case}{kind}"])


COUNTS = st.lists(st.integers(1, 9), min_size=1, max_size=12)


@given(COUNTS, st.integers(1, 8), st.integers(0, 12), st.integers(0, 2**31))
@settings(max_examples=400)
def test_all_batches_that_distinct_places_allow_are_made(counts, batch, width, seed):
    """Greedy clusters must not leave a few places for the end that cannot fill a batch."""
    generator = np.random.default_rng(seed)
    anchors = generator.permutation(repeated(counts))
    table = generator.integers(0, len(counts), (len(counts), width))
    drawn = neighbour_batches(anchors, lambda place: [(table[place], 5)], batch, len(counts))
    batches = drawn.reshape(-1, batch)
    assert len(batches) == full_batches(counts, batch)
    assert all(len(set(places)) == batch for places in batches.tolist())
    assert all(np.bincount(drawn, minlength=len(counts)) <= counts)


def test_groups_give_no_more_than_their_share():
    asked = []

    def neighbours(place):
        asked.append(place)
        return [([place, 1, 2, 3], 2), ([3, 4, 5], 1)]

    drawn = neighbour_batches(np.arange(8), neighbours, 8, 8)
    # anchor 0 brings 1, 2 and then 3; anchor 4 brings the only ones left of its groups: 5
    assert drawn.tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert asked == [0, 4, 6, 7]


def test_an_anchor_in_the_batch_waits_for_the_next():
    drawn = neighbour_batches(np.array([0, 0, 1, 1]), lambda place: [], 2, 2)
    assert drawn.tolist() == [0, 1, 1, 0]
