import json
from pathlib import Path

import pytest

from geoloc.benchmark.collect import collect
from geoloc.benchmark.curves import curves_of
from geoloc.benchmark.report import write_report
from geoloc.benchmark.suite import Entry, Suite

TASKS = ("drone->satellite", "satellite->drone")
PAPER = ("a paper", {})


def write(folder: Path, **files) -> None:
    folder.mkdir(parents=True)
    for name, content in {"run": {"seed": 0}, **files}.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def metrics(value: float) -> dict:
    protocol = {"dataset": "Data", "fingerprint": "f"}
    tasks = {task: {"H-AP": value} for task in TASKS}
    return {"protocol": protocol, "geoloc_version": "0.1", **tasks}


def test_an_ablation_is_a_curve_per_group_and_task(tmp_path) -> None:
    entries = tuple(
        Entry(f"{group} = {value:g}", group, "m", {f"model.{group}": value}, value=value)
        for group, value in (("tau", 4.0), ("tau", 8.0), ("weight", 0.5))
    )
    suite = Suite("title", ("Data",), entries, TASKS, ("H-AP",))
    for entry, value in zip(entries, (10.0, 20.0, 30.0), strict=True):
        write(tmp_path / entry.run / "seed0", metrics=metrics(value))
    table = collect("suite", suite, tmp_path, None, PAPER)
    curves = curves_of(suite, table, tmp_path, None)
    assert [curve.title for curve in curves] == [
        *("D→S: tau", "S→D: tau", "D→S: weight", "S→D: weight")
    ]
    points = curves[0].series["H-AP"]
    assert [(x, estimate.mean) for x, estimate in points] == [(4.0, 10.0), (8.0, 20.0)]
    assert len({curve.name for curve in curves}) == 4
    write_report(table, curves, tmp_path / "report")
    page = (tmp_path / "report/index.html").read_text()
    for curve in curves:
        assert (tmp_path / f"report/{curve.name}.png").is_file()
        assert curve.title in page


def test_products_are_means_over_the_seeds(tmp_path) -> None:
    suite = Suite(
        "title",
        ("Data",),
        (Entry("M", "g", "m"), Entry("M+MSRerank", "g", "m", ranking="MSRerank")),
        TASKS,
        ("H-AP",),
        products=("distance", "position_shift"),
    )
    for seed in range(3):
        curve = {"radius_m": [0, 100], "mean_ap": [10 + seed, 20], "within": [30, 40 + seed]}
        shift = {"k1": 20, "position": [1, 2.5], "shift": [seed, 3], "kendall": 0.8 + seed / 10}
        files = {
            "metrics": metrics(seed),
            "distance": {"content": dict.fromkeys(TASKS, curve)},
            "position_shift": {"content": [shift, shift | {"k1": 5}]},
        }
        write(tmp_path / f"m/seed{seed}", **files)
    table = collect("suite", suite, tmp_path, None, PAPER)
    curves = curves_of(suite, table, tmp_path, 2)  # the first two seeds
    assert len(curves) == 5
    radius = curves[0].series["M"]
    assert list(curves[0].series) == ["M"]  # a re-ranked row has the run of another one
    assert [(x, estimate.values) for x, estimate in radius] == [(0, (10, 11)), (100, (20, 20))]
    within = curves[1].series["M"]
    assert [estimate.mean for _, estimate in within] == [30, 40.5]
    moved = curves[-1].series
    assert list(moved) == ["k1 = 5 (Kendall's tau 0.850)", "k1 = 20 (Kendall's tau 0.850)"]
    assert [(x, y.mean) for x, y in list(moved.values())[1]] == [(1, 0.5), (2.5, 3)]


def test_a_product_of_an_older_run_is_left_out(tmp_path) -> None:
    suite = Suite("t", ("Data",), (Entry("M", "g", "m"),), TASKS, ("H-AP",), products=("distance",))
    curve = {"radius_m": [0], "mean_ap": [1.0], "within": [2.0]}
    for seed, code in enumerate("ab"):
        product = {"key": {"code": "a"}, "content": dict.fromkeys(TASKS, curve)}
        write(tmp_path / f"m/seed{seed}", metrics=metrics(1.0), distance=product)
        record = tmp_path / f"m/seed{seed}/run.json"
        record.write_text(json.dumps({"seed": seed, "key": {"code": code}}))
    table = collect("suite", suite, tmp_path, None, PAPER)
    curves = curves_of(suite, table, tmp_path, None)
    assert [len(point.values) for _, point in curves[0].series["M"]] == [1]


@pytest.mark.parametrize("product", ["distance", "position_shift"])
def test_without_products_there_is_no_curve(tmp_path, product) -> None:
    suite = Suite("t", ("Data",), (Entry("M", "g", "m"),), TASKS, ("H-AP",), products=(product,))
    write(tmp_path / "m/seed0", metrics=metrics(1.0))
    table = collect("suite", suite, tmp_path, None, PAPER)
    assert curves_of(suite, table, tmp_path, None) == []
