import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from geoloc.benchmark.collect import read_published
from geoloc.benchmark.job import RECORD, Job, product_file
from geoloc.benchmark.method_config import config_file, method_config
from geoloc.benchmark.plan import Folders, make_plan
from geoloc.benchmark.preset import PRESETS, Preset
from geoloc.benchmark.suite import Entry
from geoloc.benchmark.suites import SUITES
from geoloc.benchmark.table import COST
from geoloc.campusworld.street_world import StreetSpec, write_streetworld
from geoloc.datasets import FeatureDataset
from geoloc.engine.config import load_config
from geoloc.engine.run import prepare, train
from geoloc.errors import ConfigError
from geoloc.registry import LOSSES, MODELS
from tests.conftest import ROOT
from tests.datasets.conftest import DYML_TREE, write_dyml
from tests.datasets.photos import write_photos

CONFIGS = ROOT / "configs"
PAPERS = ROOT / "docs/benchmarks/paper_results.json"
DYML = "dycl-table4"
SEMIVARIOGRAM = "semivariogram"
ON_A_GLOBE = (SEMIVARIOGRAM, "semivariogram-ablation")
STREETS = {
    "train_places": 4,
    "val_places": 2,
    "places_per_campus": 2,
    "panorama": (16, 64),
    "tile_px": 16,
}


def presets_of(suite: str) -> list[str]:
    """One preset per kind of config."""
    if suite.startswith("docb"):
        return ["streetworld", "streetworld-mini", "cvusa-cvact"]
    if suite in ON_A_GLOBE:
        return ["globeworld", "globeworld-mini"]
    return ["dyml"] if suite == DYML else ["campusworld", "dacampus"]


# A run that several suites need counts once.
ROWS = {
    f"{preset}/{run}": (preset, entry, subset)
    for name, suite in SUITES.items()
    for preset in presets_of(name)
    for run, (entry, subset) in suite.runs().items()
}


@pytest.fixture
def preset(da_campus) -> Preset:
    """The methods' CampusWorld configs on the small dataset."""
    source = {"type": "DACampus", "data_root": str(da_campus), "counts": None}
    return Preset("campusworld", source=source, options={"amp": False})


@pytest.mark.parametrize(("name", "entry", "subset"), ROWS.values(), ids=ROWS)
def test_every_run_has_a_config_and_its_options_fit(name: str, entry: Entry, subset: str) -> None:
    preset = PRESETS[name]
    cfg = method_config(preset, entry, CONFIGS, subset)
    plain = load_config(config_file(preset, entry, CONFIGS, subset))
    for key, value in {
        **preset.of_method.get(entry.folder, {}),
        **preset.options_of(entry),
    }.items():
        node = cfg
        for part in key.split("."):
            node = node[part]
        assert node == value
    assert cfg.model.get("losses", {}).keys() == plain.model.get("losses", {}).keys()
    if loss := cfg.model.get("loss"):
        LOSSES.build(loss)


# What the DOCB paper leaves blank, by task or metric; of some networks it has the parameters only.
BLANK = {
    "DSM": {COST},
    "L2LTR": {COST},
    "TransGCNN": {COST, "CVACT_test"},
    "LPN": {"CVACT_test"},
    "SAFA + LPN": {"CVACT_test"},
    "LPN + USAM": {"R@5", "CVACT_test"},
    "TransGeo": {"CVACT_val", "CVACT_test"},
}


@pytest.mark.parametrize(("name", "suite"), SUITES.items(), ids=SUITES)
def test_every_method_has_published_numbers(name, suite) -> None:
    _, published = read_published(PAPERS, suite.paper_data)
    named = {entry.paper if entry.paper is not None else entry.method for entry in suite.entries}
    assert named - {""} or name in ("fig8", *ON_A_GLOBE)
    for method in named - {""}:
        for column in suite.columns:
            known = published[method].get(column.task, {})
            blank = BLANK.get(method, set()) & {column.task, column.metric}
            assert column.metric in known or blank


def plan_of(preset: Preset, folder: Path, seeds: int = 2, methods=("csl", "dycl_happier")):
    suite = SUITES["dycl-table2"]
    folders = Folders(CONFIGS, folder / "starts", folder / "runs", folder / "results")
    return make_plan(suite, preset, folders, seeds, methods)


def test_one_run_serves_all_rows_of_a_method(preset, tmp_path) -> None:
    jobs = plan_of(preset, tmp_path).methods
    assert [(job.name, job.seed) for job in jobs] == [
        ("csl", 0),
        ("dycl_happier", 0),
        ("csl", 1),
        ("dycl_happier", 1),
    ]


def test_configs_fit_the_training_places(preset, tmp_path) -> None:
    for job in plan_of(preset, tmp_path).methods:
        losses = job.cfg.model.losses
        assert losses["csl" if job.name == "csl" else "clustering"].num_places == 12
        rerank = {each["type"]: each for each in job.cfg.test_evaluator.rerank}
        # Eq. 6: 90 m apart, a place has up to 4 others within 200 m; a tenth of 15 images is below
        # the least k1.
        assert rerank["MSRerank"]["k1_list"] == [20, 20, 20]


def test_a_preset_may_look_at_fewer_neighbours(preset, tmp_path) -> None:
    few = replace(preset, neighbours={"mu": 1.0, "minimum": 2, "k2": 3})
    (job, *_) = plan_of(few, tmp_path).methods
    rerank = {each["type"]: each for each in job.cfg.test_evaluator.rerank}
    # 12 places of two campuses, 90 m apart, with 3 drone images each: all 6 within 500 m.
    k1_list = rerank["MSRerank"]["k1_list"]
    assert k1_list[0] == 3
    assert k1_list[0] < k1_list[1] < k1_list[2] == 18
    assert {each["k2"] for each in rerank.values()} == {3}


def test_each_job_has_a_key_of_its_own(preset, tmp_path) -> None:
    jobs = plan_of(preset, tmp_path).methods
    assert len({job.key.config for job in jobs}) == len(jobs)
    assert len({job.key.data for job in jobs}) == 1
    code = {(job.name, job.key.code) for job in jobs}
    assert len(code) == len(dict(code)) == 2  # one per method, whose modules differ
    assert len({key for _, key in code}) == 2
    # Nothing that belongs to one seed stays in the config that all seeds share.
    assert all("seed" not in job.cfg.train_dataloader.dataset for job in jobs)
    again = plan_of(preset, tmp_path / "elsewhere").methods
    assert [job.key for job in again] == [job.key for job in jobs]


def finish(job: Job, **changes: str) -> None:
    job.result.mkdir(parents=True, exist_ok=True)
    key = job.key._replace(**changes)._asdict()
    for file in (job.result / RECORD, product_file(job.result, "distance")):
        file.write_text(json.dumps({"key": key}))


@pytest.mark.parametrize("part", ["config", "code", "data"])
def test_a_result_of_another_key_is_not_done(preset, tmp_path, part) -> None:
    job = plan_of(preset, tmp_path).methods[0]
    assert not job.is_done()
    finish(job)
    assert job.is_done()
    finish(job, **{part: "000000000000"})
    assert not job.is_done()


def test_a_result_without_its_products_is_not_done(preset, tmp_path) -> None:
    job = plan_of(preset, tmp_path).methods[0]
    finish(job)
    file = product_file(job.result, "distance")
    file.write_text(json.dumps({"key": {**job.key._asdict(), "config": "0"}}))
    assert not job.is_done()
    file.unlink()
    assert not job.is_done()


def test_the_start_is_trained_only_for_a_method_that_is_not_done(preset, tmp_path) -> None:
    started = replace(
        preset,
        start="_pretraining/infonce_r18_campusworld.py",
        start_source=preset.source,
        start_options={"amp": False},
    )
    plan = plan_of(started, tmp_path)
    weights = {job.cfg.model.backbone.init_cfg.checkpoint for job in plan.methods}
    assert weights == {str(plan.start.folder / f"epoch_{plan.start.epochs}.pth")}
    assert all(plan.start.key.config in job.key.data for job in plan.methods)
    for job in plan.methods:
        finish(job)
    assert plan_of(started, tmp_path).start is None


def test_methods_train_on_features_of_a_frozen_start(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # the Runner formats configs, in minutes where paths are long
    source = {**write_photos(tmp_path, train=48, test=4, side=16), "path": "index.csv"}
    preset = replace(PRESETS["globeworld-mini"], source=source, start_source=source)
    folders = Folders(CONFIGS, Path("starts"), Path("runs"), Path("results"))
    plan = make_plan(SUITES[SEMIVARIOGRAM], preset, folders, 1, ["geoclip"])
    (job,) = plan.methods
    assert plan.start.cfg.model.gallery.source == job.cfg.model.gallery.source == source
    for each in (plan.start, job):
        train(prepare(load_config(each.write_config()), str(each.folder), seed=each.seed))
    for loader, split in (("train_dataloader", "train"), ("test_dataloader", "test")):
        dataset = job.cfg[loader].dataset
        assert dataset.photos.pipeline == job.cfg.test_dataloader.dataset.photos.pipeline
        assert Path(dataset.path).is_relative_to(plan.start.folder)
        features = FeatureDataset(dataset.path, split).features.embeddings
        assert features.shape == ({"train": 48, "test": 4}[split], 64)
    weights = torch.load(job.folder / "epoch_2.pth", weights_only=True)["state_dict"]
    assert not [name for name in weights if name.startswith("backbone")]


def test_an_unknown_method_is_named(preset, tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"--methods dicl: the suite has .*dycl_happier"):
        plan_of(preset, tmp_path, methods=["dicl"])


def test_a_suite_of_subsets_plans_a_run_for_each(tmp_path) -> None:
    subsets = ("vehicle", "animal", "product")
    for subset in subsets:
        write_dyml(tmp_path / "DyML", subset)
    source = {"data_root": str(tmp_path / "DyML"), "counts": None}
    preset = Preset("dyml", source=source, options={"model.backbone.init_cfg": None})
    folders = Folders(CONFIGS, tmp_path / "starts", tmp_path / "runs", tmp_path / "results")
    jobs = make_plan(SUITES[DYML], preset, folders, 1, ["happier"]).methods
    assert [job.name for job in jobs] == [f"happier_{subset}" for subset in subsets]
    assert [job.cfg.test_dataloader.dataset.source.subset for job in jobs] == list(subsets)
    classes = len({labels[0] for labels in DYML_TREE})
    assert {job.cfg.model.losses.clustering.num_places for job in jobs} == {classes}
    types = [[each["type"] for each in job.cfg.test_evaluator.rerank] for job in jobs]
    assert types == 3 * [["KReciprocal", "MSRerank"]]


def test_a_preset_may_narrow_the_network(preset) -> None:
    narrow = replace(preset, width=16)
    suite = {entry.folder: entry for entry in SUITES["dycl-table2"].entries}
    for name, where in (("infonce", "head.in_dims"), ("cv_cities", "neck.in_channels")):
        model = method_config(narrow, suite[name], CONFIGS).model
        plain = method_config(preset, suite[name], CONFIGS).model
        part, key = where.split(".")
        assert (model.backbone.stem_channels, model.backbone.base_channels) == (16, 16)
        assert (plain[part][key], model[part][key]) == (256, 128)
        assert model.head.get("embed_dims") == plain.head.get("embed_dims")
        network = MODELS.build(model)
        shape = network({"drone": torch.zeros(1, 3, 96, 96)}, {}, {"drone": torch.zeros(1)})
        assert shape["drone"].ndim == 2


def street_plan(tmp_path: Path, suite: str, methods: list[str], preset: str) -> list[Job]:
    sources = {}
    for subset, layout in (("_cvusa", "cvusa"), ("_cvact", "cvact")):
        sources[subset] = {**STREETS, "layout": layout, "data_root": str(tmp_path / layout)}
        write_streetworld(tmp_path / layout, StreetSpec(layout=layout, **STREETS), workers=1)
    small = replace(PRESETS[preset], source={}, subsets=sources)
    folders = Folders(CONFIGS, tmp_path / "starts", tmp_path / "runs", tmp_path / "results")
    return make_plan(SUITES[suite], small, folders, 1, methods).methods


def test_one_run_serves_the_table_and_the_transfer(tmp_path) -> None:
    table, transfer = (
        street_plan(tmp_path, suite, ["msfa"], "streetworld")
        for suite in ("docb-table1", "docb-transfer")
    )
    assert [job.name for job in table] == ["msfa_cvusa", "msfa_cvact"]
    assert [job.key for job in table] == [job.key for job in transfer]
    assert {job.products for job in transfer} == {("transfer",)}
    assert {job.products for job in table} == {()}  # StreetWorld has no other test split
    roots = [
        (
            Path(job.cfg.train_dataloader.dataset.source.data_root).name,
            Path(job.cfg.transfer_dataset.source.data_root).name,
        )
        for job in table
    ]
    assert roots == [("cvusa", "cvact"), ("cvact", "cvusa")]
    assert all(job.cfg.test_evaluator.get("rerank") is None for job in table)


def test_a_run_on_cvact_is_evaluated_on_its_test_split_too(tmp_path) -> None:
    root = tmp_path / "cvact"
    write_streetworld(root, StreetSpec(layout="cvact", **STREETS), workers=1)
    (root / "ANU_data_test").symlink_to(root / "ANU_data_small")
    source = {"data_root": str(root), "counts": None}
    preset = replace(PRESETS["cvusa-cvact"], source=source, transfer={})
    columns = {"CVACT_val": "_cvact", "CVACT_test": "_cvact"}
    suite = replace(SUITES["docb-table1"], tasks=tuple(columns), subsets=columns)
    folders = Folders(CONFIGS, tmp_path / "starts", tmp_path / "runs", tmp_path / "results")
    (job,) = make_plan(suite, preset, folders, 1, ["lpn"]).methods
    assert (job.name, job.products) == ("lpn_cvact", ("test_split",))
    assert job.cfg.model.losses.instance.num_places == STREETS["train_places"]
    assert job.cfg.test_dataloader.dataset.source.thresholds_m == (5.0,)
    entry = next(entry for entry in suite.entries if entry.folder == "lpn")
    origins = {column.task: suite.origin(entry, column) for column in suite.columns}
    assert origins["CVACT_val"] == ("lpn_cvact", "street->satellite", "R@1%")
    assert origins["CVACT_test"] == ("lpn_cvact", "test_split", "R@1%")


def test_a_memory_is_as_large_a_part_of_the_training_set_as_published(tmp_path) -> None:
    names = ("M = 20", "M = 200", "M = 1000")
    rows = [entry for entry in SUITES["docb-ablation"].entries if entry.method in names]
    for preset, sizes in (("streetworld", [1, 5, 27]), ("cvusa-cvact", [20, 200, 1000])):
        configs = [method_config(PRESETS[preset], row, CONFIGS, "_cvusa") for row in rows]
        assert [cfg.model.miner.memory_size for cfg in configs] == sizes


def test_a_batch_is_the_row_s_as_far_as_the_data_has_pairs() -> None:
    rows = [row for row in SUITES["docb-mining"].entries if row.folder == "dsm_seh"]
    for preset, sizes in (("streetworld-mini", [12, 12, 12]), ("cvusa-cvact", [30, 90, 120])):
        configs = [method_config(PRESETS[preset], row, CONFIGS, "_cvusa") for row in rows]
        assert [cfg.train_dataloader.batch_size for cfg in configs] == sizes
