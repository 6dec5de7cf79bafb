import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.datasets.place_levels import DistanceLevels, LabelTreeLevels
from geoloc.evaluation.ranking import (
    BYTES_PER_PAIR,
    descending_order,
    rank,
    rank_all,
    rank_by_distance,
    ranked_levels,
)


def random_descriptors(rows, dims, seed):
    return torch.randn(rows, dims, generator=torch.Generator().manual_seed(seed))


def sorted_by_hand(scores):
    """Python's sort is stable: score descending, then index."""
    return [sorted(range(len(row)), key=lambda item: -row[item]) for row in scores]


@settings(max_examples=100)
@given(
    st.integers(1, 9).flatmap(
        lambda width: st.lists(
            st.lists(
                st.floats(-1, 1, width=32) | st.sampled_from([0.0, -0.0, 0.5, -1.0, 1e-40]),
                min_size=width,
                max_size=width,
            ),
            min_size=1,
            max_size=4,
        )
    )
)
def test_scores_descend_and_ties_keep_the_gallery_order(scores):
    assert descending_order(torch.tensor(scores)).tolist() == sorted_by_hand(scores)


def test_every_magnitude_and_sign_is_ordered():
    magnitudes = [0.0, 1e-45, 1e-38, 1e-3, 1.0, 3e38]
    scores = torch.tensor([[-x for x in magnitudes] + magnitudes[::-1]])
    assert descending_order(scores).tolist() == sorted_by_hand(scores.tolist())


def test_ranking_equals_a_sort_of_exactly_computed_scores():
    query, gallery = random_descriptors(5, 8, seed=0), random_descriptors(40, 8, seed=1)
    scores = [
        [math.fsum(a * b for a, b in zip(q, g, strict=True)) for g in gallery.tolist()]
        for q in query.tolist()
    ]
    assert rank_all(query, gallery).tolist() == sorted_by_hand(scores)


def test_equal_descriptors_tie_wherever_they_stand():
    distinct = random_descriptors(37, 512, seed=2)
    gallery = distinct.repeat(3, 1)
    for order in rank_all(random_descriptors(9, 512, seed=3), gallery):
        places, copies = order % 37, order // 37
        assert (places.view(37, 3) == places.view(37, 3)[:, :1]).all()
        assert (copies.view(37, 3) == torch.arange(3)).all()


def memory_mb(chunk_size, gallery_size):
    """Return the memory in which ``chunk_size`` queries are ranked at a time."""
    return chunk_size * gallery_size * BYTES_PER_PAIR / 2**20


@pytest.mark.parametrize("chunk_size", [0.5, 1, 3, 16, 50, 1000])  # half a query is one
def test_chunks_cover_the_queries_and_do_not_change_the_ranking(chunk_size):
    query, gallery = random_descriptors(50, 256, seed=4), random_descriptors(333, 256, seed=5)
    whole = rank_all(query, gallery)
    chunks = list(rank(query, gallery, memory_mb(chunk_size, 333)))
    assert [row for rows, _ in chunks for row in range(50)[rows]] == list(range(50))
    assert len(chunks[0][1]) == min(50, max(1, chunk_size))
    assert torch.equal(torch.cat([order for _, order in chunks]), whole)
    assert whole.dtype == torch.int64
    assert torch.equal(whole.sort(dim=1).values, torch.arange(333).expand(50, 333))


def test_the_number_of_threads_does_not_change_the_ranking():
    query, gallery = random_descriptors(64, 512, seed=6), random_descriptors(700, 512, seed=7)
    threads = torch.get_num_threads()
    try:
        orders = []
        for count in (1, 2):
            torch.set_num_threads(count)
            orders.append(rank_all(query, gallery))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*orders)


def test_levels_follow_the_ranking():
    query, gallery = random_descriptors(7, 16, seed=8), random_descriptors(30, 16, seed=9)
    generator = torch.Generator().manual_seed(10)
    table = torch.randint(0, 4, (4, 6), generator=generator, dtype=torch.int8)
    query_place = torch.randint(0, 4, (7,), generator=generator)
    gallery_place = torch.randint(0, 6, (30,), generator=generator)
    seen = 0
    ranking = rank(query, gallery, memory_mb(3, 30))
    for chunk in ranked_levels(ranking, DistanceLevels(table, 3), query_place, gallery_place):
        assert chunk.levels.dtype == torch.int8
        for q, order, levels in zip(
            range(7)[chunk.queries], chunk.order, chunk.levels, strict=True
        ):
            expected = [int(table[query_place[q], gallery_place[item]]) for item in order]
            assert levels.tolist() == expected
            seen += 1
    assert seen == 7


def test_no_queries_give_no_ranking():
    assert rank_all(torch.zeros(0, 4), torch.zeros(3, 4)).shape == (0, 3)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("side", ["query", "gallery"])
def test_a_descriptor_that_is_not_finite_is_named(side, value):
    descriptors = {"query": torch.ones(3, 4), "gallery": torch.ones(5, 4)}
    descriptors[side][2, 1] = value
    with pytest.raises(ValueError, match=f"descriptor of {side} 2 contains NaN or infinity"):
        rank(**descriptors)


def test_wrong_shapes_are_named_before_anything_is_computed():
    with pytest.raises(ValueError, match=r"one width, got \[3, 4\] and \[5, 6\]"):
        rank(torch.ones(3, 4), torch.ones(5, 6))
    with pytest.raises(ValueError, match="gallery is empty"):
        rank(torch.ones(3, 4), torch.ones(0, 4))
    with pytest.raises(ValueError, match="max_memory_mb=0 must be above 0"):
        rank(torch.ones(3, 4), torch.ones(5, 4), max_memory_mb=0)
    with pytest.raises(ValueError, match="distances of query 1 contain NaN"):
        rank_by_distance(torch.tensor([[0.0, 1], [math.nan, 2]]))
    with pytest.raises(ValueError, match=r"G >= 1, got \[3, 0\]"):
        rank_by_distance(torch.ones(3, 0))


def test_distances_rank_upwards_and_equal_ones_by_index():
    generator = torch.Generator().manual_seed(11)
    distance = torch.randint(0, 5, (20, 40), generator=generator).double()
    exclude = torch.randint(-1, 40, (20,), generator=generator)
    orders = torch.cat(
        [order for _, order in rank_by_distance(distance, memory_mb(7, 40), exclude)]
    )
    for row, order in enumerate(orders.tolist()):
        key = [(item == exclude[row], distance[row, item].item(), item) for item in range(40)]
        assert order == sorted(range(40), key=key.__getitem__)


def test_an_excluded_item_counts_as_if_it_were_not_there() -> None:
    generator = torch.Generator().manual_seed(0)
    query, gallery = (torch.randn(n, 4, generator=generator) for n in (9, 12))
    exclude = torch.tensor([3, -1, 0, 11, 5, -1, 5, 1, 2])
    of_query, of_gallery = torch.arange(9) % 3, torch.arange(12) % 3
    levels = LabelTreeLevels(torch.tensor([[0, 0], [1, 0], [2, 1]]))
    ranking = rank(query, gallery, memory_mb(4, 12), exclude)
    chunks = list(ranked_levels(ranking, levels, of_query, of_gallery, exclude))
    orders = torch.cat([chunk.order for chunk in chunks])
    ranked = torch.cat([chunk.levels for chunk in chunks])
    for row, item in enumerate(exclude.tolist()):
        rest = [other for other in range(12) if other != item]
        alone = next(
            ranked_levels(
                rank(query[row : row + 1], gallery[rest]),
                levels,
                of_query[row : row + 1],
                of_gallery[rest],
            )
        )
        assert orders[row, : len(rest)].tolist() == [rest[k] for k in alone.order[0]]
        assert ranked[row, : len(rest)].tolist() == alone.levels[0].tolist()
        if item >= 0:
            assert (orders[row, -1], ranked[row, -1]) == (item, 0)
