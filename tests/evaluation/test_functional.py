import doctest
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from geoloc.evaluation.functional import (
    average_precision,
    average_precision_at_r,
    average_set_intersection,
    hard_average_precision,
    hierarchical_average_precision,
    hit_rate,
    mean_cost_at_k,
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


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_the_integer_type_of_the_levels_does_not_matter(golden, dtype):
    levels = torch.from_numpy(golden("hr_metrics_random")["sorted_target"])
    metrics = [
        *MULTI_LEVEL.values(),
        average_precision,
        lambda levels: recall_at_k(levels, 2),
        lambda levels: mean_cost_at_k(levels, 2, 3),
    ]
    for metric in metrics:
        assert torch.equal(metric(levels.to(dtype)), metric(levels))


def test_counts_beyond_the_range_of_int8_do_not_overflow():
    levels = torch.zeros(2, 1000, dtype=torch.int8)
    levels[0, :600], levels[1, 400:] = 1, 1
    assert average_set_intersection(levels)[0] == 1
    late = (np.arange(1, 601) / np.arange(401, 1001)).mean()
    assert average_precision(levels).tolist() == pytest.approx([1.0, late], abs=1e-12)
    near = 3 * torch.ones(1, 1000, dtype=torch.int8)
    assert mean_cost_at_k(near, 1000, 3).item() == 0
    assert mean_cost_at_k(near, 1000, 4).item() == 0.25


def test_arguments_that_cannot_be_meant_are_named():
    levels = torch.tensor([[3, 1, 0]])
    with pytest.raises(ValueError, match="num_levels=2, got 3"):
        hierarchical_average_precision(levels, num_levels=2)
    with pytest.raises(ValueError, match="0 or higher, got -1"):
        ndcg(levels - 1)
    with pytest.raises(ValueError, match="k=0"):
        recall_at_k(levels > 0, 0)
    with pytest.raises(ValueError, match="k=0"):
        mean_cost_at_k(levels, 0, 3)
    with pytest.raises(ValueError, match="num_levels=2, got 3"):
        mean_cost_at_k(levels, 1, 2)
    with pytest.raises(ValueError, match="num_levels=0 must be at least 1"):
        mean_cost_at_k(0 * levels, 1, 0)
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


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("name", GOLDEN)
def test_hard_average_precision_matches_the_official_code(golden, name, level):
    vectors = golden(name)
    values = hard_average_precision(torch.from_numpy(vectors["sorted_target"]), level)
    expected = float(vectors[f"official_APhash{level}_mean"])
    assert float(values.nanmean()) == pytest.approx(expected, abs=1e-6)


def test_only_semi_positives_may_precede_a_hit():
    levels = torch.tensor([[2, 0, 1], [1, 2, 0], [1, 0, 2], [0, 1, 2], [1, 0, 1]])
    values = hit_rate(levels, positive_level=2)
    assert values.tolist() == pytest.approx([1, 1, 0, 0, math.nan], nan_ok=True)


@pytest.mark.parametrize(
    ("k", "cost"), [(1, [1 / 3, 0, 1]), (2, [1 / 6, 1 / 2, 1]), (3, [4 / 9, 1 / 3, 1])]
)
def test_mean_cost_by_hand(k, cost):
    levels = torch.tensor([[2, 3, 0], [3, 0, 3], [0, 0, 0]], dtype=torch.int8)
    assert mean_cost_at_k(levels, k, 3).tolist() == pytest.approx(cost)
    if k == 3:
        assert mean_cost_at_k(levels, 99, 3).tolist() == pytest.approx(cost)


def test_mean_cost_is_the_height_of_the_common_node():
    """A tree of height 2: a cat, asked for, costs 0, another mammal 1 / 2, a car 1."""
    shared = {"cat": 2, "dog": 1, "car": 0}
    ranked = torch.tensor([[shared[found] for found in ("dog", "car", "cat", "dog")]])
    heights = [1, 2, 0, 1]
    for k in range(1, 5):
        assert mean_cost_at_k(ranked, k, 2).item() == pytest.approx(sum(heights[:k]) / k / 2)


def test_one_percent_depth_of_the_published_galleries():
    depths = [
        [one_percent_depth(size, kind) for kind in ("floor", "floor+1", "round+1")]
        for size in (8884, 951, 40)
    ]
    assert depths == [[88, 89, 90], [9, 10, 11], [1, 1, 1]]
    with pytest.raises(ValueError, match="one_percent='ceil'"):
        one_percent_depth(100, "ceil")
