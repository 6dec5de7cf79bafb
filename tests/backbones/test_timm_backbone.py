import sys

import pytest
import torch

from geoloc.errors import ConfigError
from geoloc.registry import BACKBONES

TINY = {"embed_dim": 24, "depth": 2, "num_heads": 2}


def build(model_name, **options):
    torch.manual_seed(0)
    backbone = BACKBONES.build({"type": "TimmBackbone", "model_name": model_name, **options})
    backbone.eval()
    return backbone


def test_a_missing_timm_is_answered_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ConfigError, match=r'"resnet18"\) needs timm: pip install "geoloc\[timm\]"'):
        build("resnet18")


@pytest.mark.parametrize(
    ("model_name", "options", "shape"),
    [
        ("resnet18", {}, (512, 2, 2)),
        ("convnext_atto", {}, (320, 2, 2)),
        ("vit_tiny_patch16_224", {"img_size": 64, **TINY}, (24, 4, 4)),
        ("vit_small_patch14_reg4_dinov2", {"img_size": 56, **TINY}, (24, 4, 4)),
        (
            "swin_tiny_patch4_window7_224",
            {
                "img_size": 64,
                "window_size": 2,
                "embed_dim": 12,
                "depths": (1, 1, 1, 1),
                "num_heads": (1, 1, 1, 2),
            },
            (96, 2, 2),
        ),
    ],
)
def test_every_family_returns_a_map(model_name, options, shape):
    pytest.importorskip("timm")
    size = options.get("img_size", 64)
    with torch.no_grad():
        (features,) = build(model_name, **options)(torch.randn(2, 3, size, size))
    assert features.shape == (2, *shape)


def test_the_map_keeps_the_place_of_every_patch():
    pytest.importorskip("timm")
    backbone = build("vit_tiny_patch16_224", img_size=(32, 64), **TINY)
    image = torch.randn(1, 3, 32, 64)
    with torch.no_grad():
        (features,) = backbone(image)
        tokens = backbone.timm_model.forward_features(image)
    assert features.shape == (1, 24, 2, 4)
    for row in range(2):
        for column in range(4):
            torch.testing.assert_close(features[0, :, row, column], tokens[0, 1 + 4 * row + column])


def test_an_unknown_model_is_answered_with_similar_names():
    pytest.importorskip("timm")
    with pytest.raises(ConfigError, match=r"no model 'convnext_bse'; similar: convnext_\w+, "):
        build("convnext_bse")
    with pytest.raises(ConfigError, match=r"no model 'zzz'$"):
        build("zzz")


def test_tokens_that_form_no_map_are_refused():
    pytest.importorskip("timm")
    backbone = build("vit_tiny_patch16_224", img_size=32, **TINY)
    with pytest.raises(ConfigError, match=r"returned 4 tokens, which form no map of 2 x 4"):
        backbone._map_of_tokens(torch.zeros(1, 5, 24), (32, 64))


def test_weights_that_timm_has_set_stay_when_the_model_is_initialised() -> None:
    backbone = BACKBONES.build({"type": "TimmBackbone", "model_name": "vit_tiny_patch16_224"})
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    backbone.init_weights()
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, before[name]), name
