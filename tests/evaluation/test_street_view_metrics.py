"""The evaluations of the street-view benchmarks, from the same ranking and metrics."""

import numpy as np
import pytest
import torch

from geoloc.evaluation.functional import hit_rate, one_percent_depth, recall_at_k
from geoloc.evaluation.ranking import rank_all


def ranked_relevance(query, gallery, relevant):
    """Return ``relevant [Q, G]`` in the order of the ranking."""
    order = rank_all(torch.from_numpy(query), torch.from_numpy(gallery))
    return torch.from_numpy(relevant).gather(1, order)


def test_recalls_match_sample4geo_and_transgeo(golden):
    vectors = golden("cv_s4g_eval")
    same = vectors["query_label"][:, None] == vectors["ref_label"]
    ranked = ranked_relevance(vectors["query_f"], vectors["ref_f"], same)
    depth = one_percent_depth(len(vectors["ref_f"]))
    assert depth == vectors["top1pct_k"]
    recalls = [100 * float(recall_at_k(ranked, k).mean()) for k in (1, 5, 10, depth)]
    np.testing.assert_allclose(recalls, vectors["metrics_cvusa"], atol=1e-3)


def test_recalls_and_hit_rate_match_vigor(golden):
    vectors = golden("cv_s4g_eval")
    levels = np.zeros((len(vectors["query_f"]), len(vectors["ref_f"])), dtype=np.int8)
    for position, label in enumerate(vectors["vigor_labels"].T):
        levels[label[:, None] == vectors["ref_label"]] = 2 if position == 0 else 1
    ranked = ranked_relevance(vectors["query_f"], vectors["ref_f"], levels)
    depth = one_percent_depth(len(vectors["ref_f"]))
    values = [100 * float(recall_at_k(ranked == 2, k).mean()) for k in (1, 5, 10, depth)]
    values.append(100 * float(hit_rate(ranked, positive_level=2).mean()))
    np.testing.assert_allclose(values, vectors["metrics_vigor"], atol=1e-3)


def test_recalls_match_safa(golden):
    vectors = golden("cv_safa_eval")
    ranked = ranked_relevance(
        vectors["grd"], vectors["sat"], np.eye(len(vectors["sat"]), dtype=bool)
    )
    recalls = [float(recall_at_k(ranked, k).mean()) for k in range(1, 11)]
    assert recalls == pytest.approx(vectors["acc_at_k"][1:].tolist())


def test_recalls_within_a_radius_match_cvact(golden):
    vectors = golden("cv_cvact_test_geo_port")
    distance = np.linalg.norm(vectors["utm"][:, None] - vectors["utm"], axis=2)
    cases = {"recall_geo": distance <= vectors["radius_m"], "recall_one_to_one": distance == 0}
    for name, relevant in cases.items():
        ranked = ranked_relevance(vectors["grd"], vectors["sat"], relevant)
        recalls = [float(recall_at_k(ranked, k).mean()) for k in range(1, int(vectors["topk"]) + 1)]
        assert recalls == pytest.approx(vectors[name].tolist())
