"""The configs of VIGOR, SUES-200 and DenseUAV train an epoch and evaluate, on small trees."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from geoloc.engine.config import load_config
from geoloc.engine.run import prepare, train
from geoloc.engine.run import test as run_test
from geoloc.evaluation.results import read_metrics
from tests.conftest import ROOT
from tests.datasets.conftest import write_denseuav, write_sues200, write_vigor

DATA: dict[str, tuple[Callable[[Path], Path], str, set[str]]] = {
    "vigor": (write_vigor, "street->satellite", {"R@1", "hit_rate", "error/median_m"}),
    "vigor_cross": (write_vigor, "street->satellite", {"R@1", "hit_rate", "error/median_m"}),
    "sues200": (write_sues200, "query/drone->gallery/satellite", {"R@1", "R@1%", "AP"}),
    "denseuav": (write_denseuav, "query/satellite->gallery/drone", {"AP", "SDM@3", "MA@20m"}),
}


@pytest.mark.parametrize("name", DATA)
def test_config_trains_an_epoch_and_evaluates(name: str, tmp_path: Path) -> None:
    writer, task, metrics = DATA[name]
    cfg = load_config(ROOT / f"configs/infonce/infonce_r50_{name}.py")
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        loader.dataset.source.counts = None
        for pipeline in loader.dataset.pipelines.values():
            for transform in pipeline:
                for key in ("scale", "crop_size"):
                    if key in transform:
                        small = {640: 64, 320: 32, 384: 32, 224: 32}
                        size = transform[key]
                        transform[key] = (
                            [small[side] for side in size]
                            if isinstance(size, (list, tuple))
                            else small[size]
                        )
    cfg.update(num_threads=1, custom_hooks=[])
    cfg.model.backbone.update(depth=18, init_cfg=None)
    cfg.model.head.in_dims = 512
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    cfg.default_hooks.logger.interval = 1
    root = writer(tmp_path / "data")
    folder = train(prepare(cfg, str(tmp_path / "run"), str(root), amp=False))
    log = [json.loads(line) for line in next(folder.glob("*/vis_data/scalars.json")).open()]
    values = [entry["loss_infonce"] for entry in log if "loss_infonce" in entry]
    assert np.isfinite(values).all()
    assert max(values) > 0
    assert metrics <= set(read_metrics(folder)[task])
    if name == "sues200":
        run_test(cfg, str(folder / "epoch_1.pth"))
        tasks = set(read_metrics(folder))
        assert len(tasks) == 8
        assert "query_300/satellite->gallery_300/drone" in tasks


def test_the_rendered_vigor_trains_an_epoch_and_evaluates(tmp_path: Path) -> None:
    world = {
        "data_root": str(tmp_path / "world"),
        "train_places": 8,
        "val_places": 8,
        "places_per_campus": 4,
        "panorama": (16, 64),
        "tile_px": 32,
    }
    cfg = load_config(ROOT / "configs/infonce/infonce_r18_streetworld_vigor.py")
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(batch_size=4, num_workers=0, persistent_workers=False)
        loader.dataset.source.update(world)
    cfg.update(num_threads=1, custom_hooks=[])
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    cfg.default_hooks.logger.interval = 1
    folder = train(prepare(cfg, str(tmp_path / "run")))
    log = [json.loads(line) for line in next(folder.glob("*/vis_data/scalars.json")).open()]
    values = [entry["loss_infonce"] for entry in log if "loss_infonce" in entry]
    assert np.isfinite(values).all()
    assert max(values) > 0
    metrics = read_metrics(folder)["street->satellite"]
    assert metrics["queries"] == 8
    assert {"R@1", "hit_rate", "error/median_m"} <= set(metrics)


def test_the_published_protocols() -> None:
    expected = {"vigor": "floor+1", "sues200": "round+1", "denseuav": "round+1"}
    for name, one_percent in expected.items():
        cfg = load_config(ROOT / f"configs/infonce/infonce_r50_{name}.py")
        assert cfg.val_evaluator.one_percent == cfg.test_evaluator.one_percent == one_percent
    cross = load_config(ROOT / "configs/infonce/infonce_r50_vigor_cross.py")
    loaders = (cross.train_dataloader, cross.val_dataloader, cross.test_dataloader)
    assert [loader.dataset.source.area for loader in loaders] == ["cross"] * 3
