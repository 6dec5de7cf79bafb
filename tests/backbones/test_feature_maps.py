"""Every family of backbones gives a map that every neck takes."""

import pytest
import torch

from geoloc.registry import BACKBONES, NECKS

TINY_VIT = {"embed_dims": 24, "num_layers": 2, "num_heads": 2, "feedforward_channels": 48}
FAMILIES = {
    "ResNet-50": ({"type": "mmpretrain.ResNet", "depth": 50}, (2048, 2, 2)),
    "ConvNeXt": (
        {"type": "mmpretrain.ConvNeXt", "arch": "atto", "gap_before_final_norm": False},
        (320, 2, 2),
    ),
    "ViT": (
        {
            "type": "mmpretrain.VisionTransformer",
            "arch": TINY_VIT,
            "img_size": 64,
            "patch_size": 16,
            "out_type": "featmap",
        },
        (24, 4, 4),
    ),
    "Swin": (
        {
            "type": "mmpretrain.SwinTransformer",
            "arch": {"embed_dims": 12, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2]},
            "img_size": 64,
            "window_size": 2,
        },
        (96, 2, 2),
    ),
    "DINOv2": (
        {
            "type": "mmpretrain.VisionTransformer",
            "arch": TINY_VIT,
            "img_size": 70,
            "patch_size": 14,
            "layer_scale_init_value": 1e-5,
            "out_type": "featmap",
        },
        (24, 5, 5),  # mmpretrain pads 64 px to 70
    ),
    "DINOv2-giant's feed-forward layer": (
        {
            "type": "mmpretrain.VisionTransformer",
            "arch": TINY_VIT,
            "img_size": 70,
            "patch_size": 14,
            "layer_scale_init_value": 1e-5,
            "layer_cfgs": {"ffn_type": "swiglu_fused"},
            "out_type": "featmap",
        },
        (24, 5, 5),
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_backbone_and_necks_fit_together(family: str) -> None:
    config, shape = FAMILIES[family]
    backbone = BACKBONES.build(dict(config))
    backbone.eval()
    with torch.no_grad():
        features = backbone(torch.randn(2, 3, 64, 64))[-1]
        assert features.shape == (2, *shape)
        channels, height, width = shape
        for neck, dims in (
            ({"type": "mmpretrain.GlobalAveragePooling"}, channels),
            ({"type": "GeM"}, channels),
            ({"type": "NetVLAD", "in_channels": channels, "num_clusters": 3}, 3 * channels),
            (
                {
                    "type": "MixVPR",
                    "in_channels": channels,
                    "in_h": height,
                    "in_w": width,
                    "out_channels": 8,
                },
                32,
            ),
        ):
            assert NECKS.build(neck)(features).shape == (2, dims), neck


def test_the_sizes_of_dinov2_are_known() -> None:
    backbone = BACKBONES.build(
        {
            "type": "mmpretrain.VisionTransformer",
            "arch": "dinov2-small",
            "img_size": 28,
            "patch_size": 14,
            "layer_scale_init_value": 1e-5,
            "out_type": "featmap",
        }
    )
    assert (backbone.embed_dims, backbone.num_layers) == (384, 12)
    assert {"base", "large", "dinov2-giant"} <= set(backbone.arch_zoo)
