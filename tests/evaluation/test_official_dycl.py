"""The released DyCL code's values, bugs included."""

import doctest
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from geoloc.datasets.index import Index
from geoloc.datasets.place_levels import DistanceLevels, LabelTreeLevels, place_levels
from geoloc.errors import ConfigError
from geoloc.evaluation import evaluate_retrieval
from geoloc.evaluation.functional import (
    average_precision,
    average_precision_at_r,
    average_set_intersection,
    hierarchical_average_precision,
    ndcg,
)
from geoloc.evaluation.official_dycl import (
    OfficialDyCL,
    batch_mean,
    chunked_levels,
    value_matched_hap,
)
from geoloc.evaluation.ranking import RankedChunk
from geoloc.evaluation.results import metrics_of
from geoloc.evaluation.scoring import default_metrics

PAGE = Path(__file__).parents[2] / "docs/official_evaluation.md"
GOLDEN = ["hr_metrics_random", "hr_metrics_small", "hr_metrics_edge_cases"]


@pytest.fixture(params=GOLDEN)
def arrays(golden, request):
    return golden(request.param)


def ranked(arrays):
    levels = torch.from_numpy(arrays["sorted_target"])
    count = torch.stack([levels.eq(step).sum(dim=1) for step in range(4)], dim=1)
    return levels, count


def test_values_per_query_match_the_official_code(arrays):
    levels, count = ranked(arrays)
    hap = value_matched_hap(levels, count)
    np.testing.assert_allclose(hap, arrays["official_HAP"], atol=1e-6)
    for k in (5, 10):  # D8's neighbour: the ideal ranking of the retrieved items only
        np.testing.assert_allclose(ndcg(levels[:, :k]), arrays[f"official_NDCG_at{k}"], atol=1e-6)


def test_means_match_the_official_protocol(arrays):
    levels, count = ranked(arrays)
    kept = levels[:, :-1]
    size = int(arrays["protocol_batch_size"])
    values = {
        "HAP": value_matched_hap(kept, count),
        "ASI": average_set_intersection(kept),
        "NDCG": ndcg(kept),
    }
    for scale in range(3):
        relevant = kept >= 3 - scale
        values[f"AP_level{scale}"] = average_precision(relevant)
        values[f"P1_level{scale}"] = relevant[:, 0].double()
        values[f"mAPatR_level{scale}"] = average_precision_at_r(relevant)
    for name, value in values.items():
        expected = float(arrays[f"official_protocol_{name}"])
        assert batch_mean(value, size) == pytest.approx(expected, abs=1e-6), name


def test_two_levels_of_one_relevance_count_twice():
    levels = torch.tensor([[2, 2, 1, 0]])  # 2 / 2 = 1 / 1
    count = torch.tensor([[1, 1, 2, 0]])
    assert hierarchical_average_precision(levels, 2).item() == pytest.approx(1)
    assert value_matched_hap(levels, count[:, :3]).item() == pytest.approx(2)
    apart = torch.tensor([[2, 2, 2, 1]])
    assert value_matched_hap(apart, torch.tensor([[0, 1, 3]])).item() == pytest.approx(
        hierarchical_average_precision(apart, 2).item()
    )


@pytest.mark.parametrize(("places", "chunk", "false"), [(450, 80, 370), (300, 128, 172)])
def test_chunks_give_every_later_row_a_false_match(places, chunk, false):
    table = torch.zeros(places, places, dtype=torch.int8).fill_diagonal_(3)
    wrong = chunked_levels(DistanceLevels(table, 3), chunk).table
    row, column = (wrong != table).nonzero(as_tuple=True)
    assert len(row) == false
    assert torch.equal(row, torch.arange(chunk, places))
    assert torch.equal(column, row % chunk)
    assert (wrong[row, column] == 3).all()
    assert (table.sum() == 3 * places).all()  # the correct levels are left alone


def test_levels_of_a_label_tree_are_refused():
    with pytest.raises(ConfigError, match="levels from distances"):
        chunked_levels(LabelTreeLevels(torch.zeros(3, 3, dtype=torch.int64)))


def test_one_query_without_a_relevant_item_discards_its_batch():
    values = torch.tensor([1.0, math.nan, 0.2, 0.4, 0.9], dtype=torch.float64)
    assert batch_mean(values, 2) == pytest.approx((0.2 + 0.4 + 0.9) / 3)
    assert math.isnan(batch_mean(values[:2], 2))


def brute_force(descriptors, place, table, query, gallery):
    """The released evaluation of one direction, with whole arrays, from its description."""
    false = table.copy()
    for row in range(128, len(table)):
        false[row, row % 128] = 3
    order = np.argsort(-(descriptors[query] @ descriptors[gallery].T), axis=1, kind="stable")
    target = false[place[query]][:, place[gallery]]
    target = np.take_along_axis(target, order, axis=1)[:, :-1]
    correct = table[place[query]][:, place[gallery]]
    count = np.stack([(correct == r).sum(1) for r in range(4)], axis=1)
    value = np.where(count > 0, np.arange(4) / np.maximum(count, 1), 0)
    relevance = np.take_along_axis(value, target, axis=1)
    depth = np.arange(1, target.shape[1] + 1)
    common = sum(
        np.minimum(relevance, value[:, [r]]) * (relevance == value[:, [r]]).cumsum(1)
        for r in range(4)
    )
    near = target >= 2
    with np.errstate(invalid="ignore"):  # 0 / 0 without a relevant item
        values = {
            "H-AP": (common / depth).sum(1) / relevance.sum(1),
            "mAP/middle": (near * near.cumsum(1) / depth).sum(1) / near.sum(1),
            "R@1/small": (target[:, 0] == 3).astype(float),
        }
    parts = np.split(np.arange(len(query)), np.arange(128, len(query), 128))
    means = {}
    for name, column in values.items():
        finite = [(column[part].mean(), len(part)) for part in parts]
        finite = [(mean, size) for mean, size in finite if np.isfinite(mean)]
        means[name] = 100 * sum(m * n for m, n in finite) / sum(n for _, n in finite)
    return means


def test_a_whole_evaluation_matches_a_brute_force_one(tmp_path):
    rng = np.random.default_rng(0)
    places, metres = 140, 1 / 111_195
    north = rng.uniform(0, 6000, places)
    north[3] = 60_000  # a remote place without a satellite image: its drone images have no answer
    kept = np.arange(3 * places) != 3
    view = np.repeat(["satellite", "drone", "drone"], places)[kept]
    place = np.tile(np.arange(places), 3)[kept]
    index = Index(
        [f"{number}.jpg" for number in range(len(place))],
        view,
        place,
        30 + north[place] * metres,
        np.full(len(place), 114.0),
        ["test"] * len(place),
        tmp_path,
    )
    descriptors = rng.normal(size=(len(place), 8)).astype(np.float32)
    descriptors += 2 * rng.normal(size=(places, 8)).astype(np.float32)[place]
    descriptors /= np.linalg.norm(descriptors, axis=1, keepdims=True)
    table = place_levels(index, (3.0, 200.0, 500.0)).table.numpy()
    rows = {name: np.flatnonzero(view == name) for name in ("drone", "satellite")}
    found, correct = (
        metrics_of(
            evaluate_retrieval(
                torch.from_numpy(descriptors), index, (3.0, 200.0, 500.0), official=official
            )
        )
        for official in ("dycl", None)
    )
    for query, gallery in (("drone", "satellite"), ("satellite", "drone")):
        task = f"{query}->{gallery}"
        expected = brute_force(descriptors, place, table, rows[query], rows[gallery])
        for name, value in expected.items():
            assert found[f"{task} [official dycl]"][name] == pytest.approx(value, rel=1e-6)
        for name in ("H-AP", "mAP/middle"):
            assert correct[task][name] != pytest.approx(expected[name], rel=1e-6)


def test_recall_is_0_and_precision_undefined_without_a_relevant_item():
    table = torch.tensor([[3, 0, 0], [0, 3, 1], [0, 1, 3]], dtype=torch.int8)
    query, gallery = torch.tensor([0, 1]), torch.tensor([1, 2, 1])  # no image of place 0
    ranked = torch.tensor([[0, 0, 0], [1, 3, 3]], dtype=torch.int8)
    scoring = OfficialDyCL(DistanceLevels(table, 3), default_metrics(has_positions=False))
    order = torch.zeros(ranked.shape, dtype=torch.int64)
    values = scoring.per_query(RankedChunk(slice(0, 2), order, ranked, query, gallery))
    assert values["R@1/large"].tolist() == [0, 1]
    assert values["R@1/small"].tolist() == [0, 0]
    assert values["mAP/large"].isnan().tolist() == [True, False]


def test_an_unknown_code_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="official='happier' must be None or 'dycl'"):
        evaluate_retrieval(torch.zeros(0, 2), None, (), official="happier")


def test_the_page_prints_what_it_shows():
    failed, attempted = doctest.testfile(str(PAGE), module_relative=False)
    assert attempted >= 12
    assert failed == 0
