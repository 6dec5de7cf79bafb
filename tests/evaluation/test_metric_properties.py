"""What holds for every ranking: the definitions of docs/metrics.md in loops, and invariants."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, ndcg_score

from geoloc.datasets.place_levels import DistanceLevels
from geoloc.evaluation import functional as f
from geoloc.evaluation.ranking import rank
from geoloc.evaluation.ranking import ranked_levels as look_up

L = 3
ranked_levels = arrays(
    np.int8,
    st.tuples(st.integers(1, 4), st.integers(1, 12)),
    elements=st.integers(0, L),
)
depths = st.integers(1, 15)
alphas = st.sampled_from([0.5, 1.0, 3.0])
scales = st.integers(1, L)


def random_levels(seed, rows, items, share):
    """Return levels ``[rows, items]``, of which about ``share`` are above 0 in half of the rows."""
    generator = np.random.default_rng(seed)
    levels = generator.integers(1, L + 1, (rows, items)).astype(np.int8)
    shares = share * generator.choice([0.0, 0.1, 1.0, 1.0], size=(rows, 1))
    return torch.from_numpy(levels * (generator.random((rows, items)) < shares))


def metrics(k=5, alpha=1.0, scale=2):
    """Return ``{name: (metric of levels [Q, N], definition for one row of levels)}``."""

    def relevant(row):
        return [int(level >= scale) for level in row]

    return {
        "R@K": (lambda t: f.recall_at_k(t >= scale, k), lambda row: recall(relevant(row), k)),
        "AP": (lambda t: f.average_precision(t >= scale), lambda row: precision(relevant(row))),
        "mAP@R": (
            lambda t: f.average_precision_at_r(t >= scale),
            lambda row: precision(relevant(row), sum(relevant(row))),
        ),
        "trapezoidal AP": (
            lambda t: f.trapezoidal_average_precision(t >= scale),
            lambda row: trapezoids(relevant(row)),
        ),
        "AP#": (
            lambda t: f.hard_average_precision(t, scale),
            lambda row: precision([int(level == scale) for level in row if level <= scale]),
        ),
        "H-AP": (
            lambda t: f.hierarchical_average_precision(t, L, alpha),
            lambda row: hierarchical_precision(relevances(row, alpha)),
        ),
        "ASI": (f.average_set_intersection, set_intersection),
        "NDCG": (f.ndcg, lambda row: gain_of_ideal(row, len(row))),
        "NDCG@K": (lambda t: f.ndcg(t, k), lambda row: gain_of_ideal(row, k)),
        "hit rate": (lambda t: f.hit_rate(t, scale), lambda row: first_decides(row, scale)),
        "cost@K": (lambda t: f.mean_cost_at_k(t, k, L), lambda row: cost(row[:k])),
    }


def recall(b, k):
    return float(1 in b[:k]) if 1 in b else math.nan


def precision(b, depth=None):
    hits = [b[k - 1] * sum(b[:k]) / k for k in range(1, len(b) + 1)]
    return sum(hits[:depth]) / sum(b) if any(b) else math.nan


def trapezoids(b):
    p = [1.0] + [sum(b[:k]) / k for k in range(1, len(b) + 1)]
    areas = [(p[k - 1] + p[k]) / 2 for k in range(1, len(b) + 1) if b[k - 1]]
    return sum(areas) / len(areas) if areas else math.nan


def relevances(row, alpha=1.0):
    return [(level / L) ** alpha / row.count(level) for level in row]


def hierarchical_precision(rel):
    at_rank = [sum(min(rel[k], m) for m in rel[: k + 1]) / (k + 1) for k in range(len(rel))]
    return sum(at_rank) / sum(rel) if any(rel) else math.nan


def set_intersection(row):
    ideal, total = sorted(row, reverse=True), sum(level > 0 for level in row)
    shared = [
        sum(min(row[:k].count(level), ideal[:k].count(level)) for level in range(L + 1)) / k
        for k in range(1, total + 1)
    ]
    return sum(shared) / total if total else math.nan


def gain_of_ideal(row, k):
    def gain(ranking):
        return sum((2**t - 1) / math.log2(1 + n) for n, t in enumerate(ranking[:k], start=1))

    return gain(row) / gain(sorted(row, reverse=True)) if any(row) else math.nan


def first_decides(row, positive):
    decisive = [level for level in row if level == 0 or level >= positive]
    return float(decisive[0] > 0) if max(row) >= positive else math.nan


def cost(head):
    return sum(1 - level / L for level in head) / len(head)


def ideal(name, row, alpha):
    """Return a row of levels in the order for which a metric is best."""
    weights = relevances(row, alpha) if name == "H-AP" else row
    return [row[item] for item in np.argsort(weights)[::-1]]


@settings(max_examples=150)
@given(ranked_levels, depths, alphas, scales)
def test_every_metric_equals_its_definition(levels, k, alpha, scale):
    for name, (metric, definition) in metrics(k, alpha, scale).items():
        values = metric(torch.from_numpy(levels))
        assert values.dtype == torch.float64
        expected = [definition(row) for row in levels.tolist()]
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("items", [3, 20, 60])
@pytest.mark.parametrize("name", metrics())
def test_thousands_of_rankings_have_the_values_of_the_definition(name, items):
    levels = random_levels(items, 6000 // items, items, 0.4)
    metric, definition = metrics()[name]
    expected = [definition(row) for row in levels.tolist()]
    np.testing.assert_allclose(metric(levels), expected, rtol=0, atol=1e-12)


def assert_rows_are_independent(levels, functions):
    for name, (metric, _) in functions.items():
        together = metric(levels).numpy()
        alone = np.concatenate([metric(row[None]).numpy() for row in levels])
        np.testing.assert_array_equal(together, alone, err_msg=name)  # bitwise, NaN where NaN


@given(ranked_levels, depths, alphas, scales)
def test_a_value_does_not_depend_on_the_other_rows(levels, k, alpha, scale):
    assert_rows_are_independent(torch.from_numpy(levels), metrics(k, alpha, scale))


@settings(max_examples=25)
@given(
    st.integers(0, 9999),
    st.integers(2, 24),
    st.sampled_from([100, 777, 5000]),
    st.sampled_from([0.002, 0.05, 0.9]),
)
def test_a_value_of_a_wide_row_does_not_depend_on_the_other_rows(seed, rows, items, share):
    levels = random_levels(seed, rows, items, share)
    assert_rows_are_independent(levels, metrics(items // 2, 0.7, 1))


@settings(max_examples=60)
@given(ranked_levels, depths, alphas, scales)
def test_values_lie_between_0_and_1_and_the_ideal_ranking_is_best(levels, k, alpha, scale):
    for name, (metric, _) in metrics(k, alpha, scale).items():
        values = metric(torch.from_numpy(levels))
        best = metric(torch.tensor([ideal(name, row, alpha) for row in levels.tolist()]))
        defined = ~values.isnan()
        assert torch.equal(best.isnan(), values.isnan()), name
        assert ((values >= 0) & (values <= 1 + 1e-12))[defined].all(), name
        if name == "cost@K":
            assert (best <= values).all()
        else:
            torch.testing.assert_close(
                best[defined], torch.ones_like(best[defined]), rtol=0, atol=1e-12
            )


def test_h_ap_of_a_crowded_level_is_best_by_relevance_not_by_level():
    """Five items of level 2 weigh 2 / 15 each, two of level 1 weigh 1 / 6 each."""
    by_level, by_relevance = [2, 2, 2, 2, 2, 1, 1], [1, 1, 2, 2, 2, 2, 2]
    values = f.hierarchical_average_precision(torch.tensor([by_level, by_relevance]))
    assert values[1] == pytest.approx(1, abs=1e-12)
    assert values[0] < 0.99


@settings(max_examples=40)
@given(st.integers(0, 9999), st.integers(1, 30), depths, scales)
def test_items_of_one_level_are_interchangeable(seed, items, k, scale):
    """The descriptors of one level's items change hands, and the gallery is in another order."""
    generator = np.random.default_rng(seed)
    table = torch.from_numpy(generator.integers(0, L + 1, (items, items)).astype(np.int8))
    place = torch.from_numpy(generator.integers(0, items, items))
    query, gallery = (torch.from_numpy(generator.normal(size=(n, 4))) for n in (1, items))

    def ranked(gallery, place):
        levels = DistanceLevels(table, L)
        (chunk,) = look_up(rank(query, gallery), levels, torch.tensor([0]), place)
        return chunk.levels

    swapped = gallery.clone()
    for level in range(L + 1):
        members = (table[0, place] == level).nonzero().squeeze(1)
        swapped[members] = gallery[members[torch.from_numpy(generator.permutation(len(members)))]]
    order = torch.from_numpy(generator.permutation(items))
    for name, (metric, _) in metrics(k, scale=scale).items():
        expected = metric(ranked(gallery, place))
        for other in (ranked(swapped, place), ranked(gallery[order], place[order])):
            np.testing.assert_array_equal(metric(other), expected, err_msg=name)


@settings(max_examples=60)
@given(ranked_levels, depths)
def test_moving_a_better_item_up_never_hurts(levels, k):
    row = levels[0].tolist()
    weights = relevances(row)
    for i in range(len(row) - 1):
        pair = torch.tensor([row, [*row[:i], row[i + 1], row[i], *row[i + 2 :]]])
        if row[i + 1] > row[i]:
            for metric in (f.average_set_intersection, f.ndcg, lambda t: f.ndcg(t, k)):
                before, after = metric(pair)
                assert after >= before - 1e-12
            before, after = f.mean_cost_at_k(pair, k, L)
            assert after <= before
        if weights[i + 1] > weights[i]:
            before, after = f.hierarchical_average_precision(pair)
            assert after >= before - 1e-12


@settings(max_examples=60)
@given(ranked_levels)
def test_special_cases_agree_with_each_other(levels):
    binary = (torch.from_numpy(levels) >= 2).to(torch.int8)

    def same(one, other):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12, equal_nan=True)

    same(f.hierarchical_average_precision(binary, num_levels=1), f.average_precision(binary))
    same(f.hard_average_precision(binary, 1), f.average_precision(binary))
    same(f.hit_rate(binary, 1), f.recall_at_k(binary, 1))
    same(f.mean_cost_at_k(binary, 1, 1), 1 - binary[:, 0].double())
    # ASI of binary labels is the mean precision over the first R ranks
    hits = binary.double().cumsum(dim=1) / torch.arange(1, binary.shape[1] + 1)
    first = [hits[row, :count].mean() for row, count in enumerate(binary.sum(dim=1))]
    same(f.average_set_intersection(binary), torch.stack(first))


@given(ranked_levels)
def test_the_average_precisions_are_ordered(levels):
    relevant = torch.from_numpy(levels > 0)
    full = f.average_precision(relevant)
    for lower in (f.average_precision_at_r(relevant), f.trapezoidal_average_precision(relevant)):
        assert torch.equal(lower.isnan(), full.isnan())
        assert (lower <= full + 1e-12)[~full.isnan()].all()


@pytest.mark.parametrize("items", [2, 9, 40, 300])
def test_average_precision_and_ndcg_agree_with_scikit_learn(items):
    levels = random_levels(items, 60, items, 0.4)
    descending = np.arange(items, 0.0, -1)[None]  # any scores without ties that rank as given
    k = max(1, items // 3)
    ours = [f.average_precision(levels >= 2), f.ndcg(levels), f.ndcg(levels, k)]
    for row, (precision, whole, head) in zip(levels.numpy(), torch.stack(ours, 1), strict=True):
        if (row >= 2).any():
            theirs = average_precision_score(row >= 2, descending[0])
            assert precision.item() == pytest.approx(theirs, abs=1e-12)
        if row.any():
            gains = 2.0 ** row[None] - 1
            assert whole.item() == pytest.approx(ndcg_score(gains, descending), abs=1e-12)
            assert head.item() == pytest.approx(ndcg_score(gains, descending, k=k), abs=1e-12)
