"""Every config of GeoCLIP trains and predicts, on a small source of photos."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric

from geoloc.engine.run import prepare, train
from geoloc.geo import geodesic_distance_of_pairs
from geoloc.geo.semivariogram import load_semivariogram
from geoloc.registry import METRICS
from tests.conftest import ROOT
from tests.datasets.photos import write_photos

CONFIGS = sorted(
    str(path.relative_to(ROOT / "configs")) for path in (ROOT / "configs").glob("*geoclip/*.py")
)
BACKBONE = {"type": "mmpretrain.ResNet", "depth": 18, "stem_channels": 8, "base_channels": 8}
TRAIN, TEST, BATCH = 16, 5, 4


@METRICS.register_module(force=True)
class MedianError(BaseMetric):
    """The median distance in km of the first position from the truth."""

    default_prefix = ""

    def __init__(self, output_dir: str | None = None, config_hash: str | None = None) -> None:
        super().__init__()

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        latlon = self.dataset_meta["index"].image_latlon
        for sample in data_samples:
            probabilities, found = sample["probabilities"], sample["coordinates"].numpy()
            assert (probabilities.diff(dim=1) <= 0).all()
            truth = latlon[sample["rows"].numpy()]
            self.results += (geodesic_distance_of_pairs(truth, found[:, 0]) / 1000).tolist()

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        return {"median_km": float(np.median(results)), "photos": len(results)}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the config of a small source."""
    return write_photos(tmp_path_factory.mktemp("photos"), TRAIN, TEST, side=48)


def small(name: str, source: dict[str, Any], features: Path) -> Config:
    """Read a config and cut it down to a few batches of small images."""
    cfg = Config.fromfile(str(ROOT / "configs" / name))
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(batch_size=BATCH, num_workers=0, persistent_workers=False)
        if "source" in loader.dataset:
            loader.dataset.source = source
            loader.dataset.pipeline[1].scale = 32
            if loader is not cfg.train_dataloader:
                resize = loader.dataset.pipeline[-2]
                resize.update({"crop_size": 32} if "crop_size" in resize else {"scale": (32, 32)})
        else:
            write_features(features / loader.dataset.split, loader.dataset.split)
            loader.dataset.path = str(features / loader.dataset.split)
    if cfg.model.gallery.type == "FeatureGallery":
        cfg.model.gallery.update(path=str(features / "train"), size=8)
    else:
        cfg.model.gallery.source = source
    if cfg.model.backbone.type == "ClipBackbone":
        cfg.model.backbone = BACKBONE
        cfg.model.neck = {"type": "mmpretrain.GlobalAveragePooling"}
        cfg.model.head.in_dims = 64
    cfg.model.location_encoder.update(num_frequencies=8, hidden_dims=16)
    cfg.model.queue.size = 2 * BATCH
    cfg.update(amp=False, num_threads=1, custom_hooks=[])
    cfg.pop("dataset", None)  # what the file made its sources from
    cfg.val_evaluator = cfg.test_evaluator = {"type": "MedianError"}
    cfg.train_cfg.update(max_epochs=2, val_interval=1)
    cfg.default_hooks.logger.interval = 1
    return cfg


def write_features(folder: Path, split: str) -> None:
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    count = TRAIN if split == "train" else TEST
    np.save(folder / "filenames.npy", np.array([f"{row}.jpg" for row in range(count)]))
    np.save(folder / "embeddings.npy", rng.normal(size=(count, 768)).astype(np.float16))
    np.save(folder / "coordinates.npy", rng.uniform(-80, 80, (count, 2)))


@pytest.mark.parametrize("name", CONFIGS)
def test_config_trains_and_predicts(name: str, source: dict[str, Any], tmp_path: Path) -> None:
    cfg = small(name, source, tmp_path / "features")
    folder = train(prepare(cfg, str(tmp_path / "run")))
    log = [json.loads(line) for line in next(folder.glob("*/vis_data/scalars.json")).open()]
    steps = [entry for entry in log if "loss_contrastive" in entry]
    assert len(steps) == 2 * TRAIN // BATCH
    assert np.isfinite([entry["loss_contrastive"] for entry in steps]).all()
    assert all(entry["scale"] > 1 for entry in steps)
    assert [entry["photos"] for entry in log if "photos" in entry] == [TEST, TEST]
    state = torch.load(folder / "epoch_2.pth", weights_only=True)["state_dict"]
    assert int(state["queue.stored"]) == 2 * BATCH
    assert int(state["noise.step"]) == len(steps)
    # what so few photos tell depends on chance; the training survives everything
    curve = folder / "semivariogram.json"
    assert curve.is_file() == name.startswith("srcl")
    if curve.is_file():
        assert load_semivariogram(curve).empirical.count.sum() > 0


def test_a_resumed_run_goes_on_with_its_queue(source: dict[str, Any], tmp_path: Path) -> None:
    states = []
    for name, resume in (("whole", None), ("resumed", str(tmp_path / "whole/epoch_1.pth"))):
        cfg = small("geoclip/geoclip_r18_globeworld.py", source, tmp_path)
        folder = train(prepare(cfg, str(tmp_path / name)), resume)
        states.append(torch.load(folder / "epoch_2.pth", weights_only=True)["state_dict"])
    for key, value in states[0].items():
        assert torch.equal(value, states[1][key]), key


def test_the_recipe_of_the_paper() -> None:
    cfg = Config.fromfile(str(ROOT / "configs/geoclip/geoclip_clip-vit-l14_osv5m.py"))
    assert cfg.optim_wrapper.optimizer == {"type": "Adam", "lr": 3e-5, "weight_decay": 1e-6}
    assert (cfg.param_scheduler.step_size, cfg.param_scheduler.gamma) == (1, 0.87)
    assert cfg.model.queue.size % cfg.train_dataloader.batch_size == 0
    assert cfg.train_dataloader.drop_last
