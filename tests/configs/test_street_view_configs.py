"""Every config of StreetWorld, CVUSA and CVACT trains an epoch and evaluates, on small trees."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from geoloc.benchmark.product import held_out, products_of
from geoloc.campusworld.street_world import StreetSpec, write_streetworld
from geoloc.engine.config import load_config
from geoloc.engine.run import prepare, train
from geoloc.engine.run import test as evaluate
from geoloc.evaluation.results import load_run, read_metrics
from tests.conftest import ROOT

DATA = ("streetworld", "cvusa", "cvact")
CONFIGS = sorted(
    str(path.relative_to(ROOT / "configs"))
    for data in DATA
    for end in ("", "_fov*")
    for path in (ROOT / "configs").glob(f"[!_]*/*_{data}{end}.py")
)
# The same with the networks of the papers takes minutes together.
CASES = [
    pytest.param(config, marks=[] if "streetworld" in config else pytest.mark.slow)
    for config in CONFIGS
]
WORLD = {
    "train_places": 12,
    "val_places": 6,
    "places_per_campus": 6,
    "panorama": (32, 128),
    "tile_px": 32,
}
BATCH = 6
SHRINK = 4  # of the images of CVUSA and CVACT
TASK = "street->satellite"
# What follows from the size of the map, by method.
SMALL_MAPS: dict[str, dict[str, Any]] = {
    "msfa": {"model.neck.positions": 4},
    "safa": {"model.neck.positions": 5},
    "safa_lpn": {"model.neck.map_size": (1, 5), "model.neck.num_parts": 1},
    "dsm": {
        f"{part}.similarity.map_size": (16, 1, 16)
        for part in ("model", "val_evaluator", "test_evaluator")
    },
    "cvft": {f"model.neck.{view}.size": (2, 2) for view in ("street", "satellite")},
    "cvm_net": {
        "model.neck.num_clusters": 2,
        "model.head.in_dims": 1024,
        "model.head.embed_dims": 64,
    },
}
SMALL_MAPS |= {
    "sample4geo": {
        "model.backbone.arch": "atto",
        "default_hooks.neighbour_mining.start_epoch": 0,
    },
    "lpn": {"model.backbone.depth": 18, "model.head.in_dims": 512},
    "l2ltr": {
        "model.backbone.model_name": "vit_tiny_r_s16_p8_224",
        "model.backbone.img_size": (32, 128),
    },
    "transgcnn": {"model.neck.map_size": (2, 8)},
    "transgeo": {
        "model.backbone.street.arch": "deit-tiny",
        "model.backbone.street.img_size": (28, 154),
        "model.backbone.satellite.arch": "deit-tiny",
        "model.backbone.satellite.img_size": 64,
        "model.head.in_dims": 192,
    },
}
SMALL_MAPS["lpn_usam"] = SMALL_MAPS["lpn"]
SMALL_MAPS["transgeo_crop"] = {
    **SMALL_MAPS["transgeo"],
    "model.backbone.satellite.img_size": 80,
    "model.backbone.satellite.guide.img_size": 64,
}
SMALL_MAPS |= {f"msfa_{miner}": SMALL_MAPS["msfa"] for miner in ("docb", "xbm_hard")}
SMALL_MAPS["msfa_global_mining"] = SMALL_MAPS["msfa"]
QUARTER = {"model.neck.street.circle": 16} | {
    f"{part}.similarity.ground_columns": 4 for part in ("model", "val_evaluator", "test_evaluator")
}
SMALL_MAPS |= {f"dsm_{mining}": SMALL_MAPS["dsm"] for mining in ("docb", "seh")}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folders of two small worlds, by their layout; CVACT's has a test split too."""
    root = tmp_path_factory.mktemp("worlds")
    for layout in ("cvusa", "cvact"):
        write_streetworld(root / layout, StreetSpec(layout=layout, **WORLD), workers=1)
    (root / "cvact/ANU_data_test").symlink_to(root / "cvact/ANU_data_small")
    return {layout: root / layout for layout in ("cvusa", "cvact")}


def parts(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every dict inside a config."""
    if isinstance(node, dict):
        yield node
        node = node.values()
    for value in node:
        if isinstance(value, (dict, list, tuple)):
            yield from parts(value)


def small(config: str, worlds: dict[str, Path]) -> Any:
    """Read a config and cut it down to an epoch of 2 batches, with small images."""
    data = next(name for name in DATA if name in Path(config).stem.split("_"))
    options = {} if data == "streetworld" else SMALL_MAPS.get(Path(config).parent.name, {})
    if options and "fov" in config:
        options = options | QUARTER
    cfg = load_config(ROOT / "configs" / config, options)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(batch_size=BATCH, num_workers=0, persistent_workers=False)
        loader.dataset.source.data_root = str(worlds["cvact" if data == "cvact" else "cvusa"])
        if data == "streetworld":
            loader.dataset.source.update(WORLD)
            continue
        loader.dataset.source.counts = None
        for part in parts(loader.dataset.pipelines):
            if "scale" in part:
                part["scale"] = tuple(side // SHRINK for side in part["scale"])
    cfg.update(amp=False, num_threads=1, custom_hooks=[{"type": "BeforeTrainingHook"}])
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    cfg.default_hooks.logger.interval = 1
    if cfg.model.get("miner", {}).get("type") == "DOCB":
        cfg.model.miner.start_epoch = 0
    for part in parts(cfg.model):
        if "init_cfg" in part:
            part["init_cfg"] = None
        if "num_places" in part:
            part["num_places"] = WORLD["train_places"]
    return cfg


@pytest.mark.parametrize("config", CASES)
def test_config_trains_an_epoch_and_evaluates(
    config: str, worlds: dict[str, Path], tmp_path: Path
) -> None:
    cfg = small(config, worlds)
    folder = train(prepare(cfg, str(tmp_path)))

    log = [json.loads(line) for line in next(folder.glob("*/vis_data/scalars.json")).open()]
    steps = [entry for entry in log if "loss" in entry]
    expected = {f"loss_{name}" for name in cfg.model.losses}
    if cfg.model.get("miner", {}).get("type") == "DOCB":
        expected.add("loss_miner")
    assert expected <= set(steps[-1])
    assert len(steps) == WORLD["train_places"] // BATCH
    for name in expected:
        values = [entry[name] for entry in steps]
        assert np.isfinite(values).all(), name
        assert max(values) > 0, name

    for run in (folder, folder / "before_training"):
        metrics = read_metrics(run)[TASK]
        assert metrics["queries"] == WORLD["val_places"]
        assert 0 < metrics["AP"] <= 100
        assert metrics["R@1"] <= metrics["R@5"] <= metrics["R@10"] == 100
    start, end = (load_run(run)[0] for run in (folder / "before_training", folder))
    assert start.shape == end.shape == (2 * WORLD["val_places"], end.shape[1])
    np.testing.assert_allclose(np.linalg.norm(end, axis=1), 1, atol=1e-5)
    assert np.abs(end - start).max() > 1e-4
    for file in folder.glob("*.pth"):
        file.unlink()  # all of them together would fill the disk


def test_the_test_split_of_cvact_counts_tiles_within_five_metres(
    worlds: dict[str, Path], tmp_path: Path
) -> None:
    cfg = small("msfa/msfa_vgg16_cvact.py", worlds)
    folder = train(prepare(cfg, str(tmp_path / "run")))
    cfg = prepare(small("msfa/msfa_vgg16_cvact.py", worlds), str(tmp_path / "test"))
    evaluate(cfg, str(folder / "epoch_1.pth"))
    content = json.loads((tmp_path / "test/metrics.json").read_text())
    assert content["protocol"]["thresholds_m"] == [5.0]
    assert content["protocol"]["splits"].keys() == {"test"}
    # Places are 30 m apart, so that here both rules agree.
    assert content[TASK] == read_metrics(folder)[TASK]
    cfg = prepare(small("msfa/msfa_vgg16_cvact.py", worlds), str(folder))
    assert products_of(cfg, ("transfer", "test_split")) == ("transfer", "test_split")
    assert held_out(folder, cfg) == content[TASK]
    cfg = small("msfa/msfa_vgg16_cvusa.py", worlds)
    assert products_of(cfg, ("transfer", "test_split")) == ("transfer",)


def test_the_second_stage_of_transgeo_goes_on_with_the_first(
    worlds: dict[str, Path], tmp_path: Path
) -> None:
    first = small("transgeo/transgeo_vit_streetworld.py", worlds)
    folder = train(prepare(first, str(tmp_path / "first")))
    second = small("transgeo_crop/transgeo_crop_vit_streetworld.py", worlds)
    checkpoint = str(folder / "epoch_1.pth")
    second.model.init_cfg = {"type": "Pretrained", "checkpoint": checkpoint}
    second.optim_wrapper.optimizer.lr = 0.0
    folder = train(prepare(second, str(tmp_path / "second")))
    before = torch.load(checkpoint, weights_only=True)["state_dict"]
    after = torch.load(folder / "epoch_1.pth", weights_only=True)["state_dict"]
    for name, value in before.items():
        if name.startswith("miner."):
            continue
        guided = name.replace("satellite.", "satellite.guide.", 1)
        if name.startswith("backbone.satellite."):
            assert torch.equal(after[guided], value), name
        if after[name].shape == value.shape:  # all but the positions on the finer grid
            torch.testing.assert_close(after[name], value, msg=name)
    assert after["backbone.satellite.pos_embed"].shape[1] == 2 + 10 * 10
