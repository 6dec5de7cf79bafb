"""Every config of DA-Campus and CampusWorld trains an epoch and evaluates."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geoloc.engine.config import load_config
from geoloc.engine.run import prepare, train
from geoloc.evaluation.results import load_run, read_metrics

ROOT = Path(__file__).parents[2] / "configs"
CONFIGS = sorted(
    str(path.relative_to(ROOT))
    for data in ("dacampus*", "campusworld")
    for path in ROOT.glob(f"[!_]*/*_{data}.py")
)
# The same with ResNet-50 and larger takes minutes together.
CASES = [
    pytest.param(config, marks=[] if "campusworld" in config else pytest.mark.slow)
    for config in CONFIGS
]
PLACES, VIEWS, BATCH = (12, 6), 2, 6
SIDE = 112  # of the images of DA-Campus configs: 8 patches of DINOv2, 7 cells of LPN's map
TASKS = ("drone->satellite", "satellite->drone")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small CampusWorld, which the first config renders."""
    return tmp_path_factory.mktemp("world") / "CampusWorld"


def parts(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every dict inside a config."""
    if isinstance(node, dict):
        yield node
        node = node.values()
    for value in node:
        if isinstance(value, (dict, list, tuple)):
            yield from parts(value)


def shrink(cfg: Any, world: Path, small_images: bool) -> None:
    """Cut a config down to an epoch of 4 batches of 12 training places, with small images."""
    loaders = (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader)
    for loader in loaders:
        loader.update(batch_size=BATCH, num_workers=0, persistent_workers=False)
        loader.dataset.source = {
            "type": "CampusWorld",
            "data_root": str(world),
            "places": PLACES,
            "views": VIEWS,
            "image_size": 96,
        }
    cfg.update(amp=False, num_threads=1, custom_hooks=[{"type": "BeforeTrainingHook"}])
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    cfg.default_hooks.logger.interval = 1
    cfg.model.backbone.init_cfg = None
    if cfg.model.get("miner", {}).get("type") == "DOCB":
        cfg.model.miner.start_epoch = 0
    values = {"num_places": PLACES[0], "start_iteration": 1}
    if small_images:
        values |= {
            "scale": SIDE,
            "crop_size": SIDE,
            "img_size": SIDE,
            "in_h": SIDE // 14,
            "in_w": SIDE // 14,
            # The smallest vision transformer instead of DINOv2's.
            "arch": "deit-tiny",
            "in_channels": 192,
        }
    for part in parts([cfg.model, *loaders]):
        for key in values.keys() & part.keys():
            is_pair = isinstance(part[key], (list, tuple))
            part[key] = (values[key], values[key]) if is_pair else values[key]


@pytest.mark.parametrize("config", CASES)
def test_config_trains_an_epoch_and_evaluates(
    config: str, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = load_config(ROOT / config)
    shrink(cfg, world, small_images="campusworld" not in config)
    folder = train(prepare(cfg, str(tmp_path)))

    log = [json.loads(line) for line in next(folder.glob("*/vis_data/scalars.json")).open()]
    steps = [entry for entry in log if "loss" in entry]
    expected = {f"loss_{name}" for name in cfg.model.losses}
    if cfg.model.get("miner", {}).get("type") in ("DOCB", "XBM"):
        expected.add("loss_miner")
    assert expected <= set(steps[-1])
    for name in expected:
        values = [entry[name] for entry in steps]
        assert np.isfinite(values).all(), name
        assert max(values) > 0, name

    for run in (folder, folder / "before_training"):
        metrics = read_metrics(run)
        assert set(TASKS) <= set(metrics)
        assert all(0 < metrics[task]["H-AP"] <= 100 for task in TASKS)
    start, end = (load_run(run)[0] for run in (folder / "before_training", folder))
    assert start.shape == end.shape == (PLACES[1] * (1 + VIEWS), end.shape[1])
    assert np.abs(end - start).max() > 1e-4
    (folder / "epoch_1.pth").unlink()  # all of them together would fill the disk
