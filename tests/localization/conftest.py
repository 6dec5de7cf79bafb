"""A model small enough to run in tests, and a world of photos for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from mmengine.config import Config

from geoloc.localization import Describer
from geoloc.registry import MODELS
from tests.datasets.test_dataset_from_photos import write_photo

CONFIG = """
model = dict(
    type="CrossViewRetriever",
    backbone=dict(type="mmpretrain.ResNet", depth=18, stem_channels=8, base_channels=8),
    neck=dict(type="mmpretrain.GlobalAveragePooling"),
    head=dict(type="ProjectionHead", in_dims=64, embed_dims=16),
    losses=dict(contrastive=dict(type="InfoNCELoss")),
)
pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(32, 32)),
    dict(type="mmpretrain.PackInputs"),
]
test_dataloader = dict(dataset=dict(pipelines=dict(drone=pipeline, satellite=pipeline)))
"""


@pytest.fixture(scope="session", autouse=True)
def _unsynced() -> Iterator[None]:
    """Spare the disk: no test pulls the plug."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda descriptor: None)
        yield


class Files(NamedTuple):
    """A run config and two checkpoints for it."""

    config: Path
    checkpoint: Path
    other: Path


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("model")
    (folder / "tiny.py").write_text(CONFIG)
    cfg = Config.fromfile(folder / "tiny.py")
    for seed, name in enumerate(("a.pth", "b.pth")):
        torch.manual_seed(seed)
        torch.save({"state_dict": MODELS.build(cfg.model).state_dict()}, folder / name)
    return Files(folder / "tiny.py", folder / "a.pth", folder / "b.pth")


@pytest.fixture(scope="session")
def describer(files: Files) -> Describer:
    return Describer.from_config(files.config, files.checkpoint, batch_size=4, workers=2)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve satellite images and the same pictures as drone photos, a little off."""
    root = tmp_path_factory.mktemp("world")
    for number in range(12):
        write_photo(root / f"satellite/{number}.png", (48.0 + number / 64, 11.0), number)
        write_photo(root / f"drone/{number}.png", (48.0 + number / 64, 11.0 + 2**-12), number)
    return root
