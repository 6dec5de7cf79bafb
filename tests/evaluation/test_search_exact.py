import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.evaluation.ranking import rank_all
from geoloc.evaluation.search import ExactIndex, SearchResult, exact, exact_search, search_blocks
from geoloc.evaluation.search.result import index_of, order_keys, scores_of
from geoloc.evaluation.search.shortlist import Shortlist, score_of
from geoloc.registry import INDEXES


def random_descriptors(rows, dims, seed):
    return torch.randn(rows, dims, generator=torch.Generator().manual_seed(seed))


def unit(rows):
    return torch.nn.functional.normalize(rows, dim=1)


def first_of_rank(query, gallery, k):
    """The definition: the ranking, cut, with the float64 scores rounded once."""
    order = rank_all(query, gallery)[:, :k]
    scores = (query.double() @ gallery.double().T).float().gather(1, order)
    return SearchResult(scores.numpy(), order.numpy())


def assert_equal(found, want):
    np.testing.assert_array_equal(found.index, want.index)
    np.testing.assert_array_equal(found.scores, want.scores)
    assert (found.scores.dtype, found.index.dtype) == (np.float32, np.int64)


@pytest.fixture
def exhausted(monkeypatch):
    """The numbers of queries that were searched again in float64."""
    counts = []
    search = exact._exhaustive

    def counted(query, *others):
        counts.append(len(query))
        return search(query, *others)

    monkeypatch.setattr(exact, "_exhaustive", counted)
    return counts


@pytest.mark.parametrize("k", [1, 7, 100, 3000])
def test_random_descriptors_are_found_without_a_second_search(k, exhausted):
    query, gallery = random_descriptors(33, 48, seed=0), random_descriptors(3000, 48, seed=1)
    assert_equal(exact_search(query, gallery, k), first_of_rank(query, gallery, k))
    assert not exhausted


def test_more_copies_than_candidates_are_searched_again(exhausted):
    query, distinct = random_descriptors(5, 32, seed=2), random_descriptors(4, 32, seed=3)
    gallery = distinct.repeat(300, 1)
    for k in (1, 50, 299, 300, 301):
        assert_equal(exact_search(query, gallery, k), first_of_rank(query, gallery, k))
    # With k = 299 and 300 the candidates reach beyond the copies, to a descriptor that is far away.
    assert exhausted == [5, 5, 5]


def near_ties(steps):
    """A gallery whose scores differ by 1e-8 in an order that float32 sums cannot see."""
    base = unit(random_descriptors(1, 64, seed=4)).double()
    other = unit(random_descriptors(1, 64, seed=5)).double()
    across = other - (other @ base.T) * base
    return base.float(), base + 1e-8 * steps.double()[:, None] * base + 0.3 * across


@pytest.mark.parametrize("k", [1, 10, 64])
def test_near_ties_are_decided_in_float64(k, exhausted):
    steps = torch.randperm(500, generator=torch.Generator().manual_seed(6))
    query, gallery = near_ties(steps)
    gallery = gallery.float()
    assert_equal(exact_search(query, gallery, k), first_of_rank(query, gallery, k))
    assert exhausted  # all 500 lie within the rounding error of the screening


def test_float64_descriptors_keep_their_digits(exhausted):
    steps = 100 * torch.randperm(400, generator=torch.Generator().manual_seed(7))
    query, gallery = near_ties(steps)
    query = query.double()
    assert_equal(exact_search(query, gallery, 3), first_of_rank(query, gallery, 3))
    assert_equal(exact_search(query.numpy(), gallery.numpy(), 3), first_of_rank(query, gallery, 3))


def test_the_screening_is_never_trusted(monkeypatch):
    """The worst float32 product that the bound allows must not change the result."""
    query = unit(random_descriptors(20, 256, seed=8))
    # Of every query a hundred items whose scores differ by less than the bound
    near = query.repeat(100, 1) + 1e-6 * random_descriptors(2000, 256, seed=9)
    gallery = torch.cat([near, 1e-4 * near[:600]])  # a last block of small norms
    monkeypatch.setattr(exact, "ROWS_PER_BLOCK", 500)
    noise = torch.Generator().manual_seed(11)
    product = torch.mm

    def bad(a, b, out):
        size = exact._gamma(256) * a.norm(dim=1)[:, None] * b.norm(dim=0)
        # Half of the items score less than they should: the rest look like a clear case
        low = torch.randint(0, 2, out.shape, generator=noise)
        return product(a, b, out=out).sub_(0.99 * size * low)

    monkeypatch.setattr(exact.torch, "mm", bad)
    for k in (1, 10, 100):
        assert_equal(exact_search(query, gallery, k), first_of_rank(query, gallery, k))


def test_the_error_of_float32_products_stays_below_the_bound():
    for scale, width in itertools.product((1e-19, 1e-3, 1.0, 1e18), (1, 3, 512, 4096)):
        query = scale * random_descriptors(20, width, seed=width)
        gallery = torch.cat([query.abs(), random_descriptors(50, width, seed=12)])
        error = ((query @ gallery.T).double() - query.double() @ gallery.double().T).abs()
        norms = exact._norm_bounds(query), exact._norm_bounds(gallery)
        for own, rows in zip(norms, (query, gallery), strict=True):
            assert (own >= rows.double().norm(dim=1)).all()
        bound = exact._screening_error(norms[0][:, None], norms[1], width)
        assert (error <= bound).all()


@pytest.mark.parametrize("scale", [1e-30, 1e-19, 1e18, 1e25])
def test_tiny_and_huge_descriptors_are_found(scale):
    query, gallery = random_descriptors(6, 16, seed=13), random_descriptors(400, 16, seed=14)
    query, gallery = scale * query, scale * gallery
    assert_equal(exact_search(query, gallery, 5), first_of_rank(query, gallery, 5))


# Few digits: different descriptors tie, and no float64 sum is rounded, so that all orders agree.
ENTRIES = st.sampled_from([-2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 1.0 + 2**-20, 2**-24])


@settings(max_examples=100)
@given(st.data(), st.integers(1, 4), st.integers(1, 80), st.integers(1, 5))
def test_the_result_is_the_first_k_of_the_ranking(data, queries, items, width):
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    pool = np.array(data.draw(st.lists(ENTRIES, min_size=1, max_size=6)), np.float32)
    query = torch.from_numpy(rng.choice(pool, (queries, width)))
    gallery = torch.from_numpy(rng.choice(pool, (items, width)))
    k = data.draw(st.integers(1, items))
    want = first_of_rank(query, gallery, k)
    assert_equal(exact_search(query, gallery, k), want)
    cut = data.draw(st.integers(1, items))
    assert_equal(search_blocks(query, iter(gallery.split(cut)), k), want)


@pytest.mark.parametrize("rows_per_block", [1, 7, 64, 5000])
@pytest.mark.parametrize("pairs", [1, 100, 2**22])
def test_tiles_do_not_change_the_result(rows_per_block, pairs, monkeypatch):
    monkeypatch.setattr(exact, "ROWS_PER_BLOCK", rows_per_block)
    monkeypatch.setattr(exact, "PAIRS_PER_TILE", pairs)
    query, gallery = random_descriptors(9, 8, seed=15), random_descriptors(130, 8, seed=16)
    gallery[65:] = gallery[:65]
    assert_equal(exact_search(query, gallery, 20), first_of_rank(query, gallery, 20))


def test_little_memory_takes_the_queries_in_turns(monkeypatch):
    turns = []
    screen = exact._screen
    monkeypatch.setattr(exact, "_screen", lambda q, *rest: turns.append(len(q)) or screen(q, *rest))
    query, gallery = random_descriptors(300, 256, seed=17), random_descriptors(700, 256, seed=18)
    assert_equal(exact_search(query, gallery, 40, 1), first_of_rank(query, gallery, 40))
    assert len(turns) > 1
    assert sum(turns) == 300


def test_threads_do_not_change_the_result():
    query, gallery = random_descriptors(200, 32, seed=19), random_descriptors(900, 32, seed=20)
    gallery[450:] = gallery[:450]
    threads = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            assert_equal(exact_search(query, gallery, 9), first_of_rank(query, gallery, 9))
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_memory_maps_are_read_in_blocks(dtype, tmp_path, monkeypatch):
    monkeypatch.setattr(exact, "ROWS_PER_BLOCK", 128)
    gallery = random_descriptors(1000, 24, seed=21).numpy().astype(dtype)
    gallery.tofile(tmp_path / "gallery")
    mapped = np.memmap(tmp_path / "gallery", dtype, "r", shape=gallery.shape)
    query = random_descriptors(12, 24, seed=22)
    want = first_of_rank(query, torch.from_numpy(gallery).float(), 30)
    read = []
    monkeypatch.setattr(exact, "rows_of", lambda d, s: read.append(s) or ROWS_OF(d, s))
    assert_equal(exact_search(query.numpy(), mapped, 30), want)
    assert max(rows.stop - rows.start for rows in read) == 128
    assert_equal(exact_search(query, mapped[::-1][::-1], 30), want)


ROWS_OF = exact.rows_of


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_counts_exactly(dtype):
    query = random_descriptors(8, 24, seed=23).to(dtype).requires_grad_()
    gallery = random_descriptors(500, 24, seed=24).to(dtype)
    want = first_of_rank(query.detach(), gallery, 10)
    with torch.autocast("cpu", torch.bfloat16):
        assert_equal(exact_search(query, gallery, 10), want)


def test_products_are_of_full_precision_and_the_setting_stays(monkeypatch):
    before, seen, screen = torch.get_float32_matmul_precision(), [], exact._screen

    def watched(*arguments):
        seen.append(torch.get_float32_matmul_precision())
        return screen(*arguments)

    monkeypatch.setattr(exact, "_screen", watched)
    try:
        torch.set_float32_matmul_precision("medium")
        exact_search(torch.ones(1, 2), torch.ones(3, 2), 1)
        assert seen == ["highest"]
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


def test_blocks_and_index_find_what_the_whole_gallery_has():
    query, gallery = random_descriptors(10, 16, seed=25), random_descriptors(600, 16, seed=26)
    gallery[300:] = gallery[:300]
    want = first_of_rank(query, gallery, 50)
    parts = gallery.split([1, 0, 20, 579])
    assert_equal(search_blocks(query, parts, 50), want)
    index = INDEXES.build({"type": "ExactIndex"})
    assert isinstance(index, ExactIndex)
    index.train(gallery)
    index.add(gallery[:21].numpy())
    index.add(iter(gallery[21:].split(100)))
    assert len(index) == 600
    assert_equal(index.search(query, 50), want)


@settings(max_examples=100)
@given(
    st.lists(st.floats(width=32, allow_nan=False) | st.just(-0.0), min_size=1, max_size=40),
    st.integers(1, 40),
    st.integers(1, 9),
)
def test_a_shortlist_is_the_head_of_a_sort(scores, keep, cut):
    keep = min(keep, len(scores))
    shortlist = Shortlist(1, keep, torch.device("cpu"))
    for first in range(0, len(scores), cut):
        shortlist.offer(slice(0, 1), torch.tensor([scores[first : first + cut]]), first)
    keys = shortlist.best()[0]
    want = sorted(range(len(scores)), key=lambda item: -scores[item])[:keep]
    assert index_of(keys).tolist() == want
    assert scores_of(keys).tolist() == [scores[item] for item in want]
    assert [score_of(key) for key in keys.tolist()] == scores_of(keys).tolist()


def test_long_rows_are_shortlisted_in_any_order():
    scores = random_descriptors(6, 4000, seed=27)
    scores[2:] = (scores[2:] * 20).round() / 20  # many ties
    scores[4:] = scores[4:].sort(dim=1).values  # the worst order
    keys = order_keys(scores, torch.arange(4000)).sort(dim=1).values
    for keep in (1, 100, 3999):
        shortlist = Shortlist(6, keep, torch.device("cpu"))
        for first in range(0, 4000, 700):
            for rows in (slice(0, 3), slice(3, 6)):
                shortlist.offer(rows, scores[rows, first : first + 700].contiguous(), first)
        assert torch.equal(shortlist.best(), keys[:, :keep])


def test_no_queries_find_nothing():
    assert exact_search(torch.zeros(0, 3), torch.ones(4, 3), 2).index.shape == (0, 2)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", ["query", "gallery"])
def test_a_descriptor_that_is_not_finite_is_named(side, value, monkeypatch):
    monkeypatch.setattr(exact, "ROWS_PER_BLOCK", 2)
    descriptors = {"query": torch.ones(4, 3), "gallery": torch.ones(7, 3)}
    descriptors[side][3, 1] = value
    with pytest.raises(ValueError, match=f"descriptor of {side} 3 contains NaN or infinity"):
        exact_search(**descriptors, k=2)


@pytest.mark.parametrize(
    ("query", "gallery", "k", "message"),
    [
        ((3, 4), (5, 6), 1, "queries are 4 wide and the gallery 6"),
        ((3, 4), (5,), 1, r"the gallery must be \[N, D\] with D at least 1, got \[5\]"),
        ((3, 0), (5, 0), 1, r"the queries must be \[N, D\] with D at least 1, got \[3, 0\]"),
        ((3, 4), (0, 4), 1, "the gallery is empty"),
        ((3, 4), (5, 4), 0, r"k=0 must be in 1 \.\. 5"),
        ((3, 4), (5, 4), 6, r"k=6 must be in 1 \.\. 5"),
    ],
)
def test_what_cannot_work_is_named(query, gallery, k, message):
    with pytest.raises(ValueError, match=message):
        exact_search(torch.ones(query), torch.ones(gallery), k)


def test_memory_and_blocks_that_cannot_work_are_named():
    query, gallery = torch.ones(3, 4), torch.ones(5, 4)
    with pytest.raises(ValueError, match="max_memory_mb=0 must be at least 1"):
        exact_search(query, gallery, 1, max_memory_mb=0)
    with pytest.raises(ValueError, match="k=0 must be at least 1"):
        search_blocks(query, [gallery], 0)
    with pytest.raises(ValueError, match=r"k=11 must be in 1 \.\. 10"):
        search_blocks(query, [gallery, gallery], 11)
    with pytest.raises(ValueError, match="the gallery is empty"):
        ExactIndex().search(query, 1)
    index = ExactIndex()
    index.add(gallery)
    with pytest.raises(ValueError, match="are 6 wide, those before are 4"):
        index.add(torch.ones(5, 6))
