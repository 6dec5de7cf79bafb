"""Checkpoints in the official layouts, written by a plain rebuild of the official network."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from geoloc.engine import run
from geoloc.engine.checkpoint import check_weights_fit, load_local_checkpoint
from geoloc.engine.config import load_config
from geoloc.registry import MODELS
from tests.conftest import ROOT

CONFIG = ROOT / "configs" / "dycl" / "dycl_r50_dacampus.py"


class OfficialNetwork(nn.Module):
    """One branch of the official DyCL network (specification: ResNet-50, LayerNorm, linear, L2)."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(*list(torchvision.models.resnet50().children())[:-2])
        self.pooling = nn.AdaptiveAvgPool2d(1)
        self.standardize = nn.LayerNorm(2048, elementwise_affine=False)
        self.fc = nn.Linear(2048, 512)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pooled = self.pooling(self.backbone(images)).flatten(1)
        return F.normalize(self.fc(self.standardize(pooled)), dim=1)


def official_file(network: nn.Module, places: int = 450) -> dict[str, object]:
    return {
        "net_state": network.state_dict(),
        "optimizer_state": {"backbone": {"state": {}, "param_groups": []}},
        "criterion_state": [{}, {}, {"super": {"weight": torch.rand(places, 512)}, "opt": {}}],
        "epoch": 20,
        "command": "python run_dycl.py",
        "metrics": None,
        "TORCH_STATE": torch.random.get_rng_state(),
    }


@pytest.fixture(scope="module")
def network() -> OfficialNetwork:
    torch.manual_seed(0)
    network = OfficialNetwork().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics of a trained network
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.8, 1.2)
    return network


def convert(*arguments: object) -> str | None:
    """Run the tool in this process; return its error line, or None."""
    argv = sys.argv
    sys.argv = ["convert_checkpoint", *map(str, arguments)]
    try:
        runpy.run_path(str(ROOT / "tools" / "convert_checkpoint.py"), run_name="__main__")
    except SystemExit as stop:
        return str(stop.code)
    finally:
        sys.argv = argv
    return None


def test_descriptors_equal_those_of_the_official_network(
    network: OfficialNetwork, tmp_path: Path, capsys
) -> None:
    content = official_file(network)
    torch.save(content, tmp_path / "dycl_20epoch.ckpt")
    target = tmp_path / "new" / "dycl.pth"
    assert convert(tmp_path / "dycl_20epoch.ckpt", target, "--format", "dycl") is None
    assert "dycl.pth: 321 tensors" in capsys.readouterr().out
    converted = load_local_checkpoint(str(target))
    assert converted["meta"] == {"converted_from": "dycl_20epoch.ckpt", "format": "dycl"}
    cfg = load_config(CONFIG, {"model.backbone.init_cfg": None})
    model = MODELS.build(cfg.model)
    check_weights_fit(model, converted["state_dict"])  # strictly, the losses' proxies included
    model.load_state_dict(converted["state_dict"])
    model.eval()
    images = torch.randn(3, 3, 64, 64)
    with torch.no_grad():
        expected = network(images)
        for view in model.views:
            found = model.describe(images, view)
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    proxies = content["criterion_state"][2]["super"]["weight"]
    torch.testing.assert_close(model.losses["clustering"].weight.detach(), proxies)


def test_the_test_command_needs_no_fitting_proxies(
    network: OfficialNetwork, tmp_path: Path, small_config
) -> None:
    torch.save(official_file(network, places=9), tmp_path / "official.ckpt")
    assert convert(tmp_path / "official.ckpt", tmp_path / "new.pth", "--format", "happier") is None
    path = small_config(base="dycl/dycl_r50_dacampus.py")
    options = {
        "model.backbone.init_cfg": None,
        "test_evaluator.tasks": ["drone->satellite"],
    }
    cfg = run.prepare(load_config(path, options), str(tmp_path / "run"))
    folder = run.test(cfg, str(tmp_path / "new.pth"))
    descriptors = np.load(folder / "descriptors.npy")
    assert descriptors.shape == (24, 512)
    assert np.abs(np.linalg.norm(descriptors, axis=1) - 1).max() < 1e-5


@pytest.mark.parametrize("project", ["torchvision", "timm"])
def test_a_classifier_becomes_a_backbone(project: str, tmp_path: Path) -> None:
    weights = torchvision.models.resnet18().state_dict()
    torch.save(weights, tmp_path / "r18.pth")
    assert convert(tmp_path / "r18.pth", tmp_path / "new.pth", "--format", project) is None
    state = load_local_checkpoint(str(tmp_path / "new.pth"))["state_dict"]
    assert set(state) == {f"backbone.{name}" for name in weights if not name.startswith("fc.")}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ("blocks.0.norm1.weight", "norm.bias", "head.weight", "mask_token"),
            ["layers.0.ln1.weight", "ln1.bias"],
        ),
        (
            ("stages.0.blocks.0.conv_dw.weight", "head.norm.weight", "head.fc.weight"),
            ["stages.0.0.depthwise_conv.weight", "norm3.weight"],
        ),
    ],
)
def test_transformers_and_convnext_of_timm(names, expected, tmp_path: Path) -> None:
    torch.save({name: torch.zeros(1) for name in names}, tmp_path / "timm.pth")
    assert convert(tmp_path / "timm.pth", tmp_path / "new.pth", "--format", "timm") is None
    state = load_local_checkpoint(str(tmp_path / "new.pth"))["state_dict"]
    assert list(state) == [f"backbone.{name}" for name in expected]


def pickled_config(path: Path) -> None:
    torch.save({"net_state": {"backbone.0.weight": torch.zeros(1)}, "config": Path("x")}, path)


def vit(path: Path) -> None:
    torch.save({"blocks.0.norm1.weight": torch.zeros(1)}, path)


@pytest.mark.parametrize(
    ("write", "arguments", "message"),
    [
        (None, ("OUT", "--format", "dycl"), "in.ckpt does not exist"),
        (pickled_config, ("OUT", "--format", "dycl"), "GEOLOC_TRUST_CHECKPOINTS=1"),
        (vit, ("OUT", "--format", "dycl"), "is not an official DyCL or HAPPIER checkpoint"),
        (vit, ("OUT", "--format", "torchvision"), "is not a ResNet in torchvision's layout"),
        (vit, ("in.ckpt", "--format", "timm"), "OUT is IN"),
    ],
)
def test_mistakes_end_in_one_line(
    write, arguments, message: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if write is not None:
        write(tmp_path / "in.ckpt")
    error = convert("in.ckpt", *arguments)
    assert error is not None
    assert error.startswith("error: ")
    assert message in error
    assert "\n" not in error
    assert not (tmp_path / "OUT").exists()


def test_trust_lets_pickled_configs_in(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("GEOLOC_TRUST_CHECKPOINTS", "1")
    pickled_config(tmp_path / "in.ckpt")
    assert convert(tmp_path / "in.ckpt", tmp_path / "out.pth", "--format", "dycl") is None
    state = load_local_checkpoint(str(tmp_path / "out.pth"))["state_dict"]
    assert list(state) == ["backbone.conv1.weight"]
