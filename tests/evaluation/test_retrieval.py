import json
from pathlib import Path

import numpy as np
import pytest
import torch

from geoloc.datasets.index import Index
from geoloc.errors import ConfigError, DatasetError
from geoloc.evaluation import HierarchicalRetrieval, evaluate_retrieval
from geoloc.evaluation.results import format_results, load_run, metrics_of, save_run
from geoloc.evaluation.scoring import scale_names
from geoloc.evaluation.task_result import TaskResult

METRES = 1 / 111_195  # degrees of latitude per metre, to half a percent
NORTH_M = {7: 0.0, 8: 100.0, 9: 300.0, 10: 2000.0}  # position of each place
THRESHOLDS = (3.0, 200.0, 500.0)


@pytest.fixture
def index(tmp_path: Path) -> Index:
    lines = ["path,view,place,lat,lon,split"]
    for view, count in (("satellite", 1), ("drone", 2)):
        for place in (9, 7, 10, 8):  # files need not be in the order of the places
            for number in range(count):
                lat = 30 + NORTH_M[place] * METRES
                lines.append(f"{view}/{place}_{number}.jpg,{view},{place},{lat!r},114.0,test")
    (tmp_path / "index.csv").write_text("\n".join(lines) + "\n")
    return Index.read_csv(tmp_path / "index.csv")


def unit_rows(n: int, seed: int = 0) -> torch.Tensor:
    rows = torch.randn(n, 6, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(rows)


def level(one: int, other: int) -> int:
    distance = abs(NORTH_M[one] - NORTH_M[other])
    return sum(distance <= bound for bound in THRESHOLDS)


def by_hand(descriptors: np.ndarray, index: Index, query_view: str, gallery_view: str) -> dict:
    """Re-derive some metrics with plain loops."""
    query = [row for row in range(len(index)) if index.view[row] == query_view]
    gallery = [row for row in range(len(index)) if index.view[row] == gallery_view]
    hits, precisions, errors = [], [], []
    for row in query:
        scores = [float(descriptors[row] @ descriptors[other]) for other in gallery]
        order = sorted(range(len(gallery)), key=lambda item: -scores[item])
        ranked = [gallery[item] for item in order]
        near = [level(index.place[row], index.place[other]) >= 2 for other in ranked]
        hits.append(near[0])
        found, total = 0, 0.0
        for depth, is_near in enumerate(near, 1):
            found += is_near
            total += is_near * found / depth
        if found:
            precisions.append(total / found)
        errors.append(abs(NORTH_M[index.place[row]] - NORTH_M[index.place[ranked[0]]]))
    return {
        "R@1/middle": 100 * np.mean(hits),
        "mAP/middle": 100 * np.mean(precisions),
        "error/mean_m": np.mean(errors),
    }


@pytest.mark.parametrize("seed", range(5))
def test_metrics_of_both_tasks_by_hand(index: Index, seed: int) -> None:
    descriptors = unit_rows(len(index), seed)
    results = metrics_of(evaluate_retrieval(descriptors, index, THRESHOLDS))
    for task in ("drone->satellite", "satellite->drone"):
        expected = by_hand(descriptors.numpy(), index, *task.split("->"))
        for name, value in expected.items():
            assert results[task][name] == pytest.approx(value, rel=5e-3), (task, name)
    assert results["drone->satellite"]["queries"] == 8
    assert results["satellite->drone"]["queries"] == 4


def test_perfect_descriptors_score_100(index: Index) -> None:
    descriptors = torch.eye(4)[torch.from_numpy(index.place_labels)]
    for values in metrics_of(evaluate_retrieval(descriptors, index, THRESHOLDS)).values():
        assert values["mAP/small"] == pytest.approx(100)
        assert values["R@1/overall"] == pytest.approx(100)
        assert values["error/median_m"] == 0


def test_overall_is_the_mean_of_the_scales(index: Index) -> None:
    for values in metrics_of(evaluate_retrieval(unit_rows(12), index, THRESHOLDS)).values():
        for metric in ("mAP", "R@1"):
            scales = [values[f"{metric}/{scale}"] for scale in ("small", "middle", "large")]
            assert values[f"{metric}/overall"] == pytest.approx(sum(scales) / 3)


def test_queries_without_a_relevant_item_are_counted(index: Index) -> None:
    # Without the satellite image of the remote place its two drone images have no answer.
    rows = [row for row in range(len(index)) if index.path[row] != "satellite/10_0.jpg"]
    part = index.take(np.array(rows))
    results = evaluate_retrieval(unit_rows(len(part)), part, THRESHOLDS)
    values = results["drone->satellite"].metrics
    assert values["queries"] == 8
    assert [values[f"queries_without_relevant/{scale}"] for scale in scale_names(3)] == [2, 2, 2]


def test_evaluator_orders_by_row_and_counts_repeated_images_once(index: Index, tmp_path) -> None:
    descriptors = unit_rows(len(index))
    metric = HierarchicalRetrieval(output_dir=str(tmp_path / "run"), config_hash="abc")
    metric.dataset_meta = {"index": index, "thresholds_m": THRESHOLDS, "protocol": {"name": "x"}}
    order = torch.randperm(len(index), generator=torch.Generator().manual_seed(3))
    for rows in (*order.split(5), order[:2]):  # the padding of a distributed sampler
        metric.process(None, [{"rows": rows, "descriptors": descriptors[rows]}])
    flat = metric.evaluate(len(index))
    results = metrics_of(evaluate_retrieval(descriptors, index, THRESHOLDS))
    assert flat == {
        f"{task}/{name}": value
        for task, values in results.items()
        for name, value in values.items()
    }
    saved, saved_index, content = load_run(tmp_path / "run")
    np.testing.assert_array_equal(saved, descriptors.numpy())
    assert saved_index.path.tolist() == index.path.tolist()
    assert content["protocol"] == {"name": "x"}
    assert content["config_hash"] == "abc"


def test_missing_images_are_an_error(index: Index) -> None:
    metric = HierarchicalRetrieval()
    metric.dataset_meta = {"index": index, "thresholds_m": THRESHOLDS, "protocol": {}}
    metric.process(None, [{"rows": torch.arange(3), "descriptors": unit_rows(3)}])
    with pytest.raises(DatasetError, match="3 of 12 test images"):
        metric.evaluate(len(index))


@pytest.mark.parametrize("task", ["drone", "->satellite", "drone->"])
def test_task_must_be_a_direction(index: Index, task: str) -> None:
    with pytest.raises(ConfigError, match="is not of the form"):
        evaluate_retrieval(unit_rows(len(index)), index, THRESHOLDS, [task])


def result_of(hap: float) -> TaskResult:
    return TaskResult({"H-AP": hap}, {}, {"H-AP": torch.tensor([hap / 100])}, np.array([0]))


def test_interrupted_writing_leaves_the_old_run(index: Index, tmp_path, monkeypatch) -> None:
    run = tmp_path / "run"
    save_run(run, {"a->b": result_of(1.0)}, np.eye(12, dtype=np.float32), index, {})
    before = {path.name: path.read_bytes() for path in run.iterdir()}

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(json, "dumps", fail)
    with pytest.raises(OSError, match="disk full"):
        save_run(run, {"a->b": result_of(2.0)}, np.zeros((12, 2), np.float32), index, {})
    after = {path.name: path.read_bytes() for path in run.iterdir()}
    assert {name: after[name] for name in before} == before


def test_table_shows_the_gain_over_the_start() -> None:
    start, end = ({"drone->satellite": {"H-AP": value, "ASI": 0.0}} for value in (20.0, 30.0))
    table = format_results({"before training": start, "after training": end})
    row = next(line for line in table.splitlines() if "H-AP" in line)
    assert row.replace("│", " ").split() == ["H-AP", "20.00", "30.00", "1.50"]
