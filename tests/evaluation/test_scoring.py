from pathlib import Path

import numpy as np
import pytest
import torch

from geoloc.datasets.index import Index
from geoloc.errors import ConfigError
from geoloc.evaluation import evaluate_retrieval, functional
from geoloc.evaluation.localization import spatial_distance_metric
from geoloc.evaluation.ranking import rank_all
from geoloc.evaluation.scoring import LEVEL_METRICS, metric_of, scale_names
from geoloc.geo import geodesic_distance, relevance_levels
from tests.conftest import one_campus

THRESHOLDS = (3.0, 200.0, 500.0)
TASK = "drone->satellite"
PLACES, VIEWS = 25, 3


@pytest.fixture(scope="module")
def index() -> Index:
    return one_campus(PLACES, VIEWS)


@pytest.fixture(scope="module")
def descriptors(index: Index) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.nn.functional.normalize(torch.randn(len(index), 8, generator=generator))


def test_every_name_gives_its_function_of_the_ranking(index, descriptors):
    names = [
        *("H-AP", "ASI", "NDCG", "NDCG@7", "mAP", "mAP@R", "AP#", "R@1", "R@13", "R@1%"),
        *("cost@2", "SDM@4", "error"),
    ]
    found = evaluate_retrieval(descriptors, index, THRESHOLDS, [TASK], metrics=names)[TASK]
    drone = index.view == "drone"
    order = rank_all(descriptors[drone], descriptors[~drone])
    distance = geodesic_distance(index.place_latlon, index.place_latlon)
    ranked_m = torch.from_numpy(distance)[torch.from_numpy(index.place[drone])[:, None], order]
    levels = torch.from_numpy(relevance_levels(ranked_m.numpy(), THRESHOLDS))
    expected = {
        "H-AP": functional.hierarchical_average_precision(levels),
        "ASI": functional.average_set_intersection(levels),
        "NDCG": functional.ndcg(levels),
        "NDCG@7": functional.ndcg(levels, 7),
        "cost@2": functional.mean_cost_at_k(levels, 2, 3),
        "SDM@4": spatial_distance_metric(ranked_m[:, :4]),
        "error_m": ranked_m[:, 0],
    }
    for scale, level in zip(scale_names(3), (3, 2, 1), strict=True):
        relevant = levels >= level
        expected |= {
            f"mAP/{scale}": functional.average_precision(relevant),
            f"mAP@R/{scale}": functional.average_precision_at_r(relevant),
            f"AP#/{scale}": functional.hard_average_precision(levels, level),
            f"R@1/{scale}": functional.recall_at_k(relevant, 1),
            f"R@13/{scale}": functional.recall_at_k(relevant, 13),
            f"R@1%/{scale}": functional.recall_at_k(relevant, 1),  # of 25 images
            f"relevant/{scale}": relevant.sum(dim=1).double(),
        }
    assert set(found.per_query) == set(expected)
    for name, values in expected.items():
        torch.testing.assert_close(found.per_query[name], values, rtol=0, atol=1e-9, equal_nan=True)
        if not name.startswith(("relevant", "error")):
            assert found.metrics[name] == pytest.approx(100 * float(values.nanmean())), name
    assert found.metrics["error/mean_m"] == pytest.approx(float(ranked_m[:, 0].mean()))
    assert found.metrics["error/median_m"] == pytest.approx(float(np.median(ranked_m[:, 0])))
    for family in ("mAP", "mAP@R", "AP#", "R@1", "R@13", "R@1%"):
        scales = [found.metrics[f"{family}/{scale}"] for scale in scale_names(3)]
        assert found.metrics[f"{family}/overall"] == pytest.approx(np.mean(scales))
    assert np.array_equal(found.query, np.flatnonzero(drone))


def test_intervals_belong_to_all_metrics_but_the_counts(index, descriptors):
    result = evaluate_retrieval(descriptors, index, THRESHOLDS, [TASK])[TASK]
    counts = {name for name in result.metrics if name.startswith("queries")}
    assert len(counts) == 4
    families = {name.partition("/")[0] for name in result.metrics} - {"queries", "error"}
    assert families - {"queries_without_relevant"} == {*LEVEL_METRICS}
    assert set(result.intervals) == set(result.metrics) - counts
    for name, (low, high) in result.intervals.items():
        assert low <= result.metrics[name] <= high, name
    single = evaluate_retrieval(descriptors, index, THRESHOLDS, [TASK], resample="query")[TASK]
    assert single.metrics == result.metrics
    assert single.intervals != result.intervals


@pytest.mark.parametrize("name", ["mAP/small", "R@0", "R@", "NDCG@-1", "HAP", "R@1.5", "error_m"])
def test_an_unknown_metric_is_refused(name):
    with pytest.raises(ConfigError, match=f"metric '{name}' is unknown; choose among H-AP, "):
        metric_of(name)


@pytest.mark.parametrize("name", ["error", "SDM@3"])
def test_distances_need_positions(index, descriptors, name):
    nowhere = np.full(len(index), np.nan)
    flat = Index(index.path, index.view, index.place, nowhere, nowhere, index.split, Path())
    with pytest.raises(ConfigError, match=f"metric '{name}' needs the positions"):
        evaluate_retrieval(descriptors, flat, (), [TASK], metrics=[name])
    result = evaluate_retrieval(descriptors, flat, (), [TASK])[TASK]
    assert not any(metric.startswith("error") for metric in result.metrics)
