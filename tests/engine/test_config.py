from pathlib import Path

import pytest
from mmpretrain.models import ResNet

from geoloc.engine.config import load_config
from geoloc.engine.run import prepare
from geoloc.errors import ConfigError, UnknownTypeError
from geoloc.models import CrossViewRetriever
from geoloc.registry import MODELS
from tests.conftest import ROOT

CONFIGS = sorted(
    path.relative_to(ROOT / "configs")
    for path in (ROOT / "configs").rglob("*.py")
    if "_base_" not in path.parts
)


@pytest.mark.parametrize("path", CONFIGS, ids=str)
def test_every_config_passes_the_check_and_builds_its_model(path: Path) -> None:
    cfg = load_config(ROOT / "configs" / path)
    backbone = cfg.model.backbone
    for part in [backbone] if "type" in backbone else backbone.values():  # or one per view
        part.init_cfg = None
    if cfg.model.type == "GeoCLIP":  # neither its data nor CLIP's weights are here
        cfg.model.gallery = None
        if backbone.type == "ClipBackbone":
            cfg.model.backbone = {"type": "CachedFeatures"}
    model = MODELS.build(cfg.model)
    unnamed = ["contrastive"] if cfg.model.get("loss") else []
    assert set(model.losses) == set(cfg.model.get("losses", unnamed))
    for part in cfg.optim_wrapper.get("paramwise_cfg", ()):
        assert any(name.startswith(f"{part}.") for name, _ in model.named_parameters()), part


@pytest.mark.parametrize("path", CONFIGS[::10], ids=str)
def test_a_written_config_reads_back(path: Path, tmp_path: Path) -> None:
    cfg = load_config(ROOT / "configs" / path, {"work_dir": "/a-long-path" * 30})
    cfg.dump(str(tmp_path / "config.py"))
    assert load_config(tmp_path / "config.py").to_dict() == cfg.to_dict()
    assert cfg.pretty_text.count("\n") > len(cfg)  # an option a line, for people


def test_a_lazy_config_keeps_its_classes(tmp_path: Path) -> None:
    file = tmp_path / "lazy.py"
    file.write_text(
        "from mmengine.config import read_base\n"
        "from mmpretrain.models import ResNet\n"
        "from geoloc.models import CrossViewRetriever\n"
        "model = dict(type=CrossViewRetriever, backbone=dict(type=ResNet, depth=18))\n"
    )
    cfg = load_config(file, {"work_dir": "/a-long-path" * 30})
    assert cfg.model.type is CrossViewRetriever
    assert cfg.model.backbone.type is ResNet
    assert "CrossViewRetriever" in cfg.pretty_text


def test_the_official_recipe() -> None:
    cfg = load_config(ROOT / "configs/dycl/dycl_r50_dacampus.py")
    assert cfg.model.backbone == {
        "type": "mmpretrain.ResNet",
        "depth": 50,
        "norm_eval": True,
        "init_cfg": {"type": "Pretrained", "checkpoint": "torchvision://resnet50"},
    }
    assert cfg.train_dataloader.batch_size == 128
    assert cfg.optim_wrapper.optimizer == {"type": "Adam", "lr": 1e-4, "weight_decay": 1e-4}
    parts = cfg.optim_wrapper.paramwise_cfg
    assert parts["backbone"] == {"lr": 5e-5}
    assert parts["losses.clustering"] == {"lr": 10.0, "weight_decay": 0.0, "eta_min": 0.1}
    assert cfg.train_cfg.max_epochs == 20
    assert {name: loss["weight"] for name, loss in cfg.model.losses.items()} == {
        "dycl": 0.2,
        "clustering": 0.1,
    }


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "modle.channels_last",
            True,
            "modle.channels_last: there is no option 'modle': did you mean model",
        ),
        ("model.chanels_last", True, r"model\.chanels_last: .*did you mean channels_last"),
        ("model.losses.dycl.scael", 3, r"model\.losses\.dycl\.scael: .*did you mean scale"),
        ("model.losses.dycl.type.x", 3, "model.losses.dycl.type is 'DyCLLoss', not a part"),
        ("train_dataloader.dataset.spilt", "a", "did you mean split"),
        (
            "custom_hooks.7.priority",
            3,
            r"custom_hooks\.7\.priority: '7' is no position in a list of 1",
        ),
    ],
)
def test_bad_option_is_named_with_its_key(key: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(ROOT / "configs/dycl/dycl_r18_campusworld.py", {key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("randomness.deterministic", True),  # a part that the config does not have yet
        ("model.backbone.init_cfg", None),
        ("optim_wrapper.clip_grad", {"type": "value", "clip_value": 100.0}),
        ("model.losses.dycl.margins", [0.3, 0.2, 0.1]),
        ("train_dataloader.dataset.pipelines.drone.1.scale", 64),
    ],
)
def test_option_replaces_one_value(key: str, value: object) -> None:
    cfg = load_config(ROOT / "configs/dycl/dycl_r18_campusworld.py", {key: value})
    node = cfg
    for name in key.split("."):
        node = node[int(name)] if isinstance(node, list) else node[name]
    assert node == value


def test_unknown_type_is_named_with_its_key() -> None:
    key = "model.losses.dycl.type"
    with pytest.raises(UnknownTypeError, match=r"model\.losses\.dycl\.type='DyCLoss'.*DyCLLoss"):
        load_config(ROOT / "configs/dycl/dycl_r18_campusworld.py", {key: "DyCLoss"})


def test_misspelt_top_level_key(tmp_path: Path) -> None:
    base = str(ROOT / "configs/dycl/dycl_r18_campusworld.py")
    (tmp_path / "a.py").write_text(f"_base_ = {base!r}\ntrain_dataloder = dict(batch_size=2)\n")
    with pytest.raises(ConfigError, match=r"'train_dataloder' is unknown.*train_dataloader"):
        load_config(tmp_path / "a.py")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = = 1", r"bad\.py: SyntaxError"),
        ("_base_ = 'nowhere.py'", r"bad\.py: FileNotFoundError.*nowhere\.py"),
        ("x = undefined_name", r"bad\.py: NameError.*undefined_name"),
        ("custom_imports = dict(imports=['no_such_module'])", r"bad\.py: .*no_such_module"),
        ("y = 1", "config has no 'model'"),
    ],
)
def test_broken_config_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(tmp_path / "bad.py")


def test_hash_sees_what_changes_results_only() -> None:
    path = ROOT / "configs/dycl/dycl_r18_campusworld.py"

    def written(options: dict[str, object] | None = None, **arguments: object) -> str:
        return prepare(load_config(path, options), **arguments).val_evaluator.config_hash

    same = written()
    assert written(work_dir="elsewhere", data_root="/data") == same
    assert written({"model.losses.dycl.scale": 16.0}) != same
    assert written(seed=1) != same


def test_prepared_config_has_one_batch_size_and_seed() -> None:
    cfg = prepare(load_config(ROOT / "configs/dycl/dycl_r18_campusworld.py"), seed=5, data_root="d")
    assert cfg.train_dataloader.sampler.batch_size == cfg.train_dataloader.batch_size
    assert cfg.train_dataloader.dataset.seed == cfg.randomness.seed == 5
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        assert loader.dataset.source.data_root == "d"
