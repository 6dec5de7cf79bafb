import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.errors import ConfigError
from geoloc.evaluation.ranking import rank_all
from geoloc.evaluation.rerank import average_query_expansion, k_reciprocal_rerank
from geoloc.evaluation.rerank.neighbour_graph import mutual_ranks
from geoloc.evaluation.rerank.neighbours import (
    _keys_by_torch,
    columns_of,
    cosine_distance_chunks,
    nearest_keys,
    nearest_neighbours,
    unit_rows,
)
from geoloc.evaluation.row_blocks import map_blocks
from tests.evaluation.rerank_definition import cosine_distance, stable_order

DISTANCES = st.floats(0, 31) | st.sampled_from([0.0, -1e-16, 0.5, 0.5 + 1e-15, 31.0])


@settings(max_examples=100)
@given(
    st.integers(1, 40).flatmap(
        lambda width: st.tuples(
            st.lists(st.lists(DISTANCES, min_size=width, max_size=width), min_size=1, max_size=3),
            st.integers(1, width),
        )
    )
)
def test_the_smallest_come_first_and_ties_keep_their_order(drawn):
    distances, k = torch.tensor(drawn[0], dtype=torch.float64), drawn[1]
    # 2^-36 is the step of the selection; Python sorts the same steps
    want = [stable_order(row)[:k] for row in (distances * 2**36).round().tolist()]
    for keys in (nearest_keys(distances, k), _keys_by_torch(distances, k)):  # CPU, GPU
        assert columns_of(keys).tolist() == want


def test_long_rows_select_as_a_sort_does():
    generator = torch.Generator().manual_seed(0)
    distances = 2 * torch.rand(20, 3000, generator=generator, dtype=torch.float64)
    distances[5:] = (distances[5:] * 100).floor() / 100  # many ties
    distances[10:] = distances[10:].sort(dim=1, descending=True).values  # the worst order
    want = distances.argsort(dim=1, stable=True)
    for k in (1, 7, 300, 3000):
        assert torch.equal(torch.from_numpy(columns_of(nearest_keys(distances, k))), want[:, :k])


def test_neighbours_have_their_distances():
    rng = np.random.default_rng(1)
    rows, columns = rng.normal(size=(6, 5)), rng.normal(size=(30, 5))
    columns[17] = columns[3]
    found = nearest_neighbours(
        unit_rows(torch.from_numpy(rows), "row"), unit_rows(torch.from_numpy(columns), "column"), 30
    )
    want = cosine_distance(rows, columns)[:6, 6:]
    assert found.nearest.tolist() == [stable_order(row) for row in want]
    np.testing.assert_allclose(
        found.distance, np.take_along_axis(want, found.nearest, 1), rtol=0, atol=1e-11
    )
    np.testing.assert_allclose(found.farthest, want.max(axis=1), rtol=0, atol=1e-11)


@settings(max_examples=30)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 99))
def test_mutual_ranks_look_at_both_directions(n, k, seed):
    k = min(n, k)
    rng = np.random.default_rng(seed)
    index = np.array([rng.permutation(n)[:k] for _ in range(n)], np.int32)
    mutual = mutual_ranks(index)
    for i in range(n):
        for place, j in enumerate(index[i].tolist()):
            back = index[j].tolist().index(i) if i in index[j] else np.iinfo(np.int32).max
            assert mutual[i, place] == max(place, back)


def test_blocks_cover_all_rows_in_order_and_pass_on_errors():
    threads = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            rows = [row for block in map_blocks(range, 200, size=64) for row in block]
            assert rows == list(range(200))
            with pytest.raises(ZeroDivisionError):
                map_blocks(lambda start, stop: 1 // (start - 64), 200, size=64)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(("k", "alpha"), [(1, 3.0), (4, 3.0), (4, 0.0), (10, 1.5)])
def test_expanded_queries_are_weighted_means(k, alpha):
    rng = np.random.default_rng(2)
    query, gallery = rng.normal(size=(5, 4)), rng.normal(size=(10, 4))
    found = average_query_expansion(torch.from_numpy(query), torch.from_numpy(gallery), k, alpha)
    for q, row in zip(query, found.numpy(), strict=True):
        q = q / math.hypot(*q)
        scored = sorted(
            ((float(q @ g) / math.hypot(*g), g / math.hypot(*g)) for g in gallery),
            key=lambda pair: -pair[0],
        )
        total = q + sum(max(0.0, cosine) ** alpha * g for cosine, g in scored[:k])
        np.testing.assert_allclose(row, total / math.hypot(*total), rtol=0, atol=1e-9)


def test_expansion_keeps_the_dtype_and_refuses_what_cannot_work():
    query, gallery = torch.ones(2, 3), torch.ones(5, 3)
    assert average_query_expansion(query, gallery, 5).dtype == torch.float32
    for k in (0, 6):
        with pytest.raises(ConfigError, match=rf"k={k} must be in 1 \.\. 5"):
            average_query_expansion(query, gallery, k)
    with pytest.raises(ConfigError, match="alpha=-1 must be at least 0"):
        average_query_expansion(query, gallery, 2, alpha=-1)
    with pytest.raises(ValueError, match="gallery 4 is zero"):
        average_query_expansion(query, torch.cat([gallery[:4], torch.zeros(1, 3)]), 2)


def test_descriptors_that_are_normalised_already_stay_as_they_are():
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(50, 16, generator=generator)
    single = torch.nn.functional.normalize(rows)
    assert unit_rows(single, "query").equal(single.double())
    assert not (single.double().norm(dim=1) == 1).any()
    lengths = unit_rows(rows, "query").norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths), rtol=0, atol=1e-15)
    # Where a norm is slightly above 1, an image is still at the distance 0 of itself.
    ((chunk, distances),) = cosine_distance_chunks(single.double(), single.double())
    assert chunk == slice(0, 50)
    assert (single.double().norm(dim=1) > 1).any()
    assert (distances >= 0).all()
    # The plain ranking is that of re-ranking with nothing but the original distance.
    plain = rank_all(single[:5], single[5:])
    distance = k_reciprocal_rerank(single[:5].double(), single[5:].double(), lam=1.0)
    assert distance.argsort(dim=1, stable=True).equal(plain)
