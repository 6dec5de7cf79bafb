"""Every row of the DyML table: the sizes in its config, and a training step on a small tree."""

import itertools
import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from geoloc.datasets import collate_views
from geoloc.datasets.dyml import OFFICIAL_TRAIN_CLASSES
from geoloc.datasets.place_levels import place_levels
from geoloc.engine.config import load_config
from geoloc.engine.optim import PartwiseOptimWrapperConstructor
from geoloc.engine.run import prepare, train
from geoloc.registry import DATASETS, MODELS, SAMPLERS
from tests.conftest import ROOT
from tests.datasets.conftest import DYML_TREE, write_dyml

SUBSETS = ("vehicle", "animal", "product")
METHODS = {
    "triplet": "triplet",
    "multi_similarity": "multi_similarity",
    "triplet_semihard": "triplet_semihard",
    "nsm": "nsm",
    "sum_triplet_semihard": "sum_triplet_semihard",
    "sum_nsm": "sum_nsm",
    "csl": "csl",
    "happier": "hap",
}
SMALL_CLASSES = tuple(len(set(labels)) for labels in zip(*DYML_TREE, strict=True))  # 5, 3, 2
SMALL = {
    "model.backbone.init_cfg": None,
    "train_dataloader.batch_size": 12,
    "train_dataloader.num_workers": 0,
    "train_dataloader.persistent_workers": False,
    "train_dataloader.dataset.source.counts": None,
    "train_dataloader.dataset.pipelines.image.1.scale": 32,
}
HIERARCHICAL = {
    "train_dataloader.sampler": {"type": "HierarchicalSampler", "label_column": -1},
    "train_dataloader.sampler.images_per_place": 4,
}


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("DyML")
    for subset in SUBSETS:
        write_dyml(root, subset)
    return root


def config_path(method: str, subset: str) -> Path:
    return ROOT / f"configs/{method}/{method}_r34_dyml_{subset}.py"


def class_sizes(cfg: Config) -> list[tuple[int, ...]]:
    """Take the numbers of classes out of the losses, and put those of the small tree there."""
    sizes = []
    for loss in cfg.model.losses.values():
        of_places = loss.get("loss", loss)
        if "num_places" in of_places:
            sizes.append((of_places.num_places, *loss.get("coarser_classes", ())))
            of_places.num_places = SMALL_CLASSES[0]
        if "coarser_classes" in loss:
            loss.coarser_classes = SMALL_CLASSES[1:]
    return sizes


@pytest.mark.parametrize("subset", SUBSETS)
@pytest.mark.parametrize("method", METHODS)
def test_a_training_step(method: str, subset: str, data_root: Path) -> None:
    check_step(load_config(config_path(method, subset), SMALL), method, subset, data_root)


def test_a_training_step_from_few_super_classes(data_root: Path) -> None:
    cfg = load_config(config_path("happier", "animal"), {**SMALL, **HIERARCHICAL})
    check_step(cfg, "happier", "animal", data_root)


def check_step(cfg: Config, method: str, subset: str, data_root: Path) -> None:
    official = OFFICIAL_TRAIN_CLASSES[subset]
    scales = 3 if method == "sum_nsm" else 1
    assert all(size == official[:scales] for size in class_sizes(cfg))
    cfg = prepare(cfg, data_root=str(data_root), amp=False)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.train()
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    assert dataset.index.root == data_root / f"dyml_{subset}"
    model.set_place_levels(place_levels(dataset.index, dataset.thresholds_m))
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    wrapper = PartwiseOptimWrapperConstructor(
        {"type": "OptimWrapper", "optimizer": cfg.optim_wrapper.optimizer},
        cfg.optim_wrapper.paramwise_cfg,
    )(model)

    sampler = SAMPLERS.build({**cfg.train_dataloader.sampler, "dataset": dataset})
    batch = collate_views([dataset[item] for item in itertools.islice(sampler, 12)])
    _, counts = batch["places"]["image"].unique(return_counts=True)
    assert counts.tolist() == [4, 4, 4]
    log = model.train_step(batch, wrapper)

    assert log[f"loss_{METHODS[method]}"] > 0
    assert set(log) == {"loss", *(f"loss_{name}" for name in cfg.model.losses)}
    for name, value in model.named_parameters():
        assert value.isfinite().all(), name
        assert not torch.equal(value, before[name]), name


@pytest.mark.parametrize("subset", SUBSETS)
def test_the_official_recipe(subset: str) -> None:
    cfg = load_config(config_path("happier", subset))
    product = subset == "product"
    assert cfg.train_dataloader.batch_size == 256
    assert cfg.train_dataloader.sampler == {"type": "PlaceImageSampler", "images_per_place": 4}
    assert cfg.model.backbone.get("norm_eval", False) is product
    assert ("init_cfg" in cfg.model.backbone) is product
    assert cfg.optim_wrapper.optimizer == {
        "type": "SGD",
        "lr": 0.02 if product else 0.1,
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 1e-4,
    }
    assert cfg.optim_wrapper.paramwise_cfg == ({"backbone": {"lr": 0.01}} if product else {})
    assert cfg.train_cfg.max_epochs == (20 if product else 100)
    assert cfg.param_scheduler.eta_min == (1e-5 if product else 1e-6)
    weights = {name: loss["weight"] for name, loss in cfg.model.losses.items()}
    clustering = 0.5 if subset == "animal" else 0.1
    assert weights == {"hap": 1 - clustering, "clustering": clustering}


@pytest.mark.parametrize(("method", "subset"), [("sum_nsm", "animal"), ("happier", "product")])
def test_a_whole_run(method: str, subset: str, data_root: Path, tmp_path: Path) -> None:
    """One epoch and its evaluation, with the hooks of the config."""
    options = {
        **SMALL,
        "num_threads": 1,
        "train_cfg.max_epochs": 1,
        "train_cfg.val_interval": 1,
        "default_hooks.checkpoint": None,
    }
    for loader in ("val_dataloader", "test_dataloader"):
        options |= {
            f"{loader}.batch_size": 16,
            f"{loader}.num_workers": 0,
            f"{loader}.persistent_workers": False,
            f"{loader}.dataset.source.counts": None,
            f"{loader}.dataset.pipelines.image.1.scale": 32,
            f"{loader}.dataset.pipelines.image.2.crop_size": 32,
        }
    cfg = load_config(config_path(method, subset), options)
    class_sizes(cfg)
    folder = train(prepare(cfg, str(tmp_path / "run"), str(data_root), amp=False, seed=0))
    content = json.loads((folder / "metrics.json").read_text())
    scales = [content[scale]["mAP"] for scale in ("fine", "middle", "coarse")]
    assert content["overall"]["mAP"] == pytest.approx(sum(scales) / 3)
    assert min(scales) > 0
