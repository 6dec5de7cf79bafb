"""CLIP's packages are optional: small stand-ins of their interfaces take their place here."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from geoloc.errors import CheckpointError, ConfigError
from geoloc.models.backbones import CachedFeatures, ClipBackbone


class Tower(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.projection = nn.Linear(3, 7)

    def forward(self, pixel_values: Tensor) -> Tensor:
        features: Tensor = self.projection(pixel_values.mean(dim=(2, 3)))
        return features


class TransformersTower(Tower):
    @classmethod
    def from_pretrained(cls, folder: str, local_files_only: bool) -> "TransformersTower":
        assert local_files_only
        tower = cls()
        tower.load_state_dict(torch.load(Path(folder) / "weights.pth"))
        return tower

    def forward(self, pixel_values: Tensor) -> SimpleNamespace:
        return SimpleNamespace(image_embeds=super().forward(pixel_values))


def test_features_of_both_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tower, images = Tower(), torch.rand(2, 3, 4, 4)
    torch.save(tower.state_dict(), tmp_path / "weights.pth")
    (tmp_path / "config.json").write_text("{}")

    def create_model(name: str, pretrained: str) -> SimpleNamespace:
        assert name == "ViT-L-14-quickgelu"
        built = Tower()
        built.load_state_dict(torch.load(pretrained))
        return SimpleNamespace(visual=built)

    for name, content in (
        ("transformers", {"CLIPVisionModelWithProjection": TransformersTower}),
        ("open_clip", {"create_model": create_model}),
    ):
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    for library, path in (("transformers", tmp_path), ("open_clip", tmp_path / "weights.pth")):
        backbone = ClipBackbone(str(path), library)
        torch.testing.assert_close(backbone(images), tower(images))


def test_missing_weights_name_their_place(tmp_path: Path) -> None:
    place = tmp_path / "clip-vit-large-patch14"
    with pytest.raises(CheckpointError, match=rf"expected at {place}, .*config.json; copy them"):
        ClipBackbone(str(place))
    with pytest.raises(CheckpointError, match=rf"expected at {place}.bin"):
        ClipBackbone(f"{place}.bin", "open_clip")


def test_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigError, match=r'package transformers: pip install "geoloc\[clip\]"'):
        ClipBackbone(str(tmp_path))
    with pytest.raises(ConfigError, match=r"library='clip' must be one of"):
        ClipBackbone(str(tmp_path), "clip")


def test_cached_features_pass() -> None:
    features = torch.rand(2, 5)
    assert CachedFeatures()(features) is features
