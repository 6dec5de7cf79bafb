import doctest
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from geoloc.evaluation.functional import (
    average_precision,
    average_precision_at_r,
    average_set_intersection,
    hard_average_precision,
    hierarchical_average_precision,
    hit_rate,
    ndcg,
    one_percent_depth,
    recall_at_k,
    trapezoidal_average_precision,
)

GOLDEN = ["hr_metrics_random", "hr_metrics_small", "hr_metrics_edge_cases"]
MULTI_LEVEL = {
    "HAP": hierarchical_average_precision,
    "ASI": average_set_intersection,
    "NDCG": ndcg,
    "NDCG_at5": lambda levels: ndcg(levels, k=5),
    "NDCG_at10": lambda levels: ndcg(levels, k=10),
}
ranked_levels = arrays(
    np.int8,
    st.tuples(st.integers(1, 4), st.integers(1, 12)),
    elements=st.integers(0, 3),
)


def looped_average_precision(relevant):
    hits, total = 0, 0.0
    for k, b in enumerate(relevant, start=1):
        hits += b
        total += b * hits / k
    return total / hits if hits else math.nan


def relevances(levels, num_levels=3, alpha=1.0):
    return [(r / num_levels) ** alpha / levels.count(r) if r else 0.0 for r in levels]


def looped_hap(levels, num_levels, alpha):
    relevance = relevances(levels, num_levels, alpha)
    total = sum(
        sum(min(relevance[k], relevance[m]) for m in range(k + 1)) / (k + 1)
        for k in range(len(levels))
    )
    return total / sum(relevance) if any(relevance) else math.nan


def looped_asi(levels):
    ideal = sorted(levels, reverse=True)
    depth = sum(level > 0 for level in levels)
    overlap = [
        sum(min(list(levels[:k]).count(r), ideal[:k].count(r)) for r in set(ideal)) / k
        for k in range(1, depth + 1)
    ]
    return sum(overlap) / depth if depth else math.nan


def looped_ndcg(levels, k):
    def dcg(ranking):
        return sum((2**r - 1) / math.log2(1 + n) for n, r in enumerate(ranking[:k], start=1))

    ideal = dcg(sorted(levels, reverse=True))
    return dcg([int(r) for r in levels]) / ideal if ideal else math.nan


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("metric", MULTI_LEVEL)
def test_multi_level_metrics_match_the_reference(golden, name, metric):
    vectors = golden(name)
    values = MULTI_LEVEL[metric](torch.from_numpy(vectors["sorted_target"]))
    np.testing.assert_allclose(values, vectors[f"ref_{metric}"], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("scale", [0, 1, 2])
def test_binary_metrics_match_the_reference_and_the_official_code(golden, name, scale):
    vectors = golden(name)
    relevant = torch.from_numpy(vectors["sorted_target"]) >= 3 - scale
    np.testing.assert_allclose(
        average_precision(relevant), vectors[f"ref_AP_level{scale}"], rtol=0, atol=1e-9
    )
    defined = relevant.any(dim=1).numpy()
    for k in (1, 5, 10):
        recall = recall_at_k(relevant, k).numpy()
        np.testing.assert_array_equal(
            recall[defined], vectors[f"official_R{k}_level{scale}"][defined]
        )
        assert np.isnan(recall[~defined]).all()


@settings(max_examples=150)
@given(levels=ranked_levels, alpha=st.sampled_from([0.5, 1.0, 3.0]), k=st.integers(1, 15))
def test_every_metric_equals_its_definition_in_plain_loops(levels, alpha, k):
    ranked = torch.from_numpy(levels)
    rows = levels.tolist()

    def same(values, expected):
        assert values.dtype == torch.float64
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12)

    same(
        average_precision(ranked >= 2),
        [looped_average_precision([r >= 2 for r in row]) for row in rows],
    )
    same(
        hierarchical_average_precision(ranked, 3, alpha),
        [looped_hap(row, 3, alpha) for row in rows],
    )
    same(average_set_intersection(ranked), [looped_asi(row) for row in rows])
    same(ndcg(ranked), [looped_ndcg(row, None) for row in rows])
    same(ndcg(ranked, k), [looped_ndcg(row, k) for row in rows])
    same(
        recall_at_k(ranked >= 2, k),
        [float(max(row[:k]) >= 2) if max(row) >= 2 else math.nan for row in rows],
    )


@settings(max_examples=60)
@given(levels=ranked_levels, k=st.integers(1, 15))
def test_metrics_lie_between_0_and_1_and_reach_1_on_the_ideal_ranking(levels, k):
    ranked = torch.from_numpy(levels)
    by_level = ranked.sort(dim=1, descending=True).values
    weights = [relevances(row) for row in levels.tolist()]
    by_relevance = ranked.gather(1, torch.tensor(weights).argsort(dim=1, descending=True))
    defined = (ranked > 0).any(dim=1)
    ideals = [
        *(
            (metric, by_relevance if name == "HAP" else by_level)
            for name, metric in MULTI_LEVEL.items()
        ),
        (lambda levels: average_precision(levels > 0), by_level),
        (lambda levels: recall_at_k(levels > 0, k), by_level),
    ]
    for metric, ideal in ideals:
        values, best = metric(ranked), metric(ideal)[defined]
        assert torch.equal(values.isnan(), ~defined)
        assert ((values[defined] >= 0) & (values[defined] <= 1 + 1e-12)).all()
        torch.testing.assert_close(best, torch.ones_like(best), rtol=0, atol=1e-12)


@settings(max_examples=60)
@given(levels=ranked_levels)
def test_binary_special_cases_agree_with_each_other(levels):
    binary = (torch.from_numpy(levels) >= 2).to(torch.int8)
    torch.testing.assert_close(
        hierarchical_average_precision(binary, num_levels=1),
        average_precision(binary),
        rtol=0,
        atol=1e-12,
        equal_nan=True,
    )
    # ASI of binary labels is the mean precision over the first R ranks
    hits = binary.double().cumsum(dim=1) / torch.arange(1, binary.shape[1] + 1)
    expected = [
        hits[i, :count].mean() if (count := int(row.sum())) else math.nan
        for i, row in enumerate(binary)
    ]
    np.testing.assert_allclose(average_set_intersection(binary), expected, rtol=0, atol=1e-12)


@settings(max_examples=60)
@given(levels=ranked_levels, k=st.integers(1, 15))
def test_moving_a_better_item_up_never_hurts(levels, k):
    row = levels[0].tolist()
    weights = relevances(row)
    for i in range(len(row) - 1):
        swapped = [*row[:i], row[i + 1], row[i], *row[i + 2 :]]
        before, after = torch.tensor([row]), torch.tensor([swapped])
        if row[i + 1] > row[i]:
            for metric in (average_set_intersection, ndcg, lambda levels: ndcg(levels, k)):
                assert metric(after) >= metric(before) - 1e-12
        if weights[i + 1] > weights[i]:
            hap = hierarchical_average_precision
            assert hap(after) >= hap(before) - 1e-12


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_the_integer_type_of_the_levels_does_not_matter(golden, dtype):
    levels = torch.from_numpy(golden("hr_metrics_random")["sorted_target"])
    metrics = [*MULTI_LEVEL.values(), average_precision, lambda levels: recall_at_k(levels, 2)]
    for metric in metrics:
        assert torch.equal(metric(levels.to(dtype)), metric(levels))


def test_counts_beyond_the_range_of_int8_do_not_overflow():
    levels = torch.zeros(2, 1000, dtype=torch.int8)
    levels[0, :600], levels[1, 400:] = 1, 1
    assert average_set_intersection(levels)[0] == 1
    assert average_precision(levels).tolist() == pytest.approx(
        [1.0, looped_average_precision(levels[1].tolist())], abs=1e-12
    )


def test_arguments_that_cannot_be_meant_are_named():
    levels = torch.tensor([[3, 1, 0]])
    with pytest.raises(ValueError, match="num_levels=2, got 3"):
        hierarchical_average_precision(levels, num_levels=2)
    with pytest.raises(ValueError, match="0 or higher, got -1"):
        ndcg(levels - 1)
    with pytest.raises(ValueError, match="k=0"):
        recall_at_k(levels > 0, 0)
    with pytest.raises(ValueError, match=r"\[Q, N\].*got \[3\]"):
        average_precision(levels[0] > 0)
    with pytest.raises(ValueError, match=r"got \[0, 3\]"):
        average_set_intersection(levels[:0])


def test_the_worked_example_of_the_documentation_is_right():
    page = Path(__file__).parents[2] / "docs" / "metrics.md"
    outcome = doctest.testfile(str(page), module_relative=False)
    assert outcome.attempted >= 8
    assert outcome.failed == 0


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("level", [0, 1, 2])
def test_average_precision_at_r_matches_the_reference(golden, name, level):
    vectors = golden(name)
    relevant = torch.from_numpy(vectors["sorted_target"]) >= 3 - level
    np.testing.assert_allclose(
        average_precision_at_r(relevant), vectors[f"ref_mAPatR_level{level}"], rtol=0, atol=1e-9
    )


def test_trapezoidal_average_precision_matches_university_1652(golden):
    hand = golden("cv_u1652_ap_hand")
    kept = hand["index"][~np.isin(hand["index"], hand["junk"])]
    relevant = torch.from_numpy(np.isin(kept, hand["good"]))[None]
    assert trapezoidal_average_precision(relevant).item() == hand["ap"]

    official = golden("cv_u1652_eval")
    kept = official["gallery_label"] != -1
    scores = official["query_f"] @ official["gallery_f"][kept].T
    order = np.argsort(-scores, axis=1, kind="stable")
    relevant = torch.from_numpy(
        official["gallery_label"][kept][order] == official["query_label"][:, None]
    )
    skipped = official["cmc_per_query"][:, 0] == -1
    values = trapezoidal_average_precision(relevant).numpy()
    assert np.isnan(values).tolist() == skipped.tolist()
    np.testing.assert_allclose(
        values[~skipped], official["ap_per_query"][~skipped], rtol=0, atol=1e-9
    )
    for depth in range(1, relevant.shape[1] + 1):
        hits = recall_at_k(relevant, depth).numpy()[~skipped]
        assert (hits == official["cmc_per_query"][~skipped, depth - 1]).all()


@given(ranked_levels)
def test_the_average_precisions_are_ordered(levels):
    relevant = torch.from_numpy(levels > 0)
    full = average_precision(relevant)
    for lower in (average_precision_at_r(relevant), trapezoidal_average_precision(relevant)):
        assert (lower.isnan() == full.isnan()).all()
        assert (lower <= full + 1e-12)[~full.isnan()].all()
    perfect = relevant.sort(dim=1, descending=True).values
    for metric in (average_precision_at_r, trapezoidal_average_precision):
        values = metric(perfect)
        torch.testing.assert_close(
            values[~values.isnan()], torch.ones_like(values[~values.isnan()])
        )


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("name", GOLDEN)
def test_hard_average_precision_matches_the_official_code(golden, name, level):
    vectors = golden(name)
    values = hard_average_precision(torch.from_numpy(vectors["sorted_target"]), level)
    expected = float(vectors[f"official_APhash{level}_mean"])
    assert float(values.nanmean()) == pytest.approx(expected, abs=1e-6)


@given(ranked_levels, st.integers(1, 3))
def test_hard_average_precision_is_that_of_the_ranking_without_nearer_items(levels, level):
    values = hard_average_precision(torch.from_numpy(levels), level).tolist()
    expected = [looped_average_precision([r == level for r in row if r <= level]) for row in levels]
    assert values == pytest.approx(expected, nan_ok=True)


def test_only_semi_positives_may_precede_a_hit():
    levels = torch.tensor([[2, 0, 1], [1, 2, 0], [1, 0, 2], [0, 1, 2], [1, 0, 1]])
    values = hit_rate(levels, positive_level=2)
    assert values.tolist() == pytest.approx([1, 1, 0, 0, math.nan], nan_ok=True)


def test_one_percent_depth_of_the_published_galleries():
    depths = [
        [one_percent_depth(size, kind) for kind in ("floor", "floor+1", "round+1")]
        for size in (8884, 951, 40)
    ]
    assert depths == [[88, 89, 90], [9, 10, 11], [1, 1, 1]]
    with pytest.raises(ValueError, match="one_percent='ceil'"):
        one_percent_depth(100, "ceil")
