"""Small models of several kinds, trained by nobody."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from torch import nn

from geoloc.localization.trained_model import TrainedModel, load_trained_model
from geoloc.registry import MODELS
from tests.localization.conftest import Files, describer, files, world

__all__ = ["Files", "describer", "files", "world"]

RESNET = {"type": "mmpretrain.ResNet", "depth": 18, "stem_channels": 8, "base_channels": 8}
AVERAGE = {"type": "mmpretrain.GlobalAveragePooling"}
PROJECTION = {"type": "ProjectionHead", "in_dims": 64, "embed_dims": 16}
SIDE = 32


def pipeline(side: int = SIDE) -> list[dict[str, Any]]:
    return [
        {"type": "LoadImage"},
        {"type": "mmpretrain.Resize", "scale": (side, side)},
        {"type": "mmpretrain.PackInputs"},
    ]


def trained(**model: Any) -> TrainedModel:
    """Return a model with random weights, and statistics of batch norm that matter."""
    parts = {"backbone": RESNET, "neck": AVERAGE, "head": PROJECTION}
    config = {"type": "CrossViewRetriever", **parts, **model}
    torch.manual_seed(0)
    built = MODELS.build(dict(config))
    for module in built.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.momentum = None  # the next batch alone gives the statistics
    built.train(True)
    for view in ("drone", "satellite"):
        built.describe(torch.randn(8, 3, 1, 1) + torch.randn(8, 3, SIDE, SIDE), view)
    built.train(False)
    return TrainedModel(built, {"drone": pipeline(), "satellite": pipeline()}, config)


@pytest.fixture(scope="session")
def model(files: Files) -> TrainedModel:
    """The model of a run config and a checkpoint."""
    return load_trained_model(files.config, files.checkpoint)


@pytest.fixture
def run_folder(tmp_path: Path, files: Files) -> Callable[..., Path]:
    """Return a writer of a run folder as mmengine leaves it."""

    def write(checkpoint: bool = True) -> Path:
        folder = tmp_path / "run"
        (folder / "20260101/vis_data").mkdir(parents=True)
        Config.fromfile(files.config).dump(folder / "tiny.py")
        Config.fromfile(files.config).dump(folder / "20260101/vis_data/config.py")
        if checkpoint:
            (folder / "epoch_3.pth").write_bytes(files.checkpoint.read_bytes())
            (folder / "last_checkpoint").write_text("/elsewhere/run/epoch_3.pth")
        return folder

    return write
