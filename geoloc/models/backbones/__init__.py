"""Backbones that mmpretrain does not lend: ``mmpretrain.X`` needs no file here."""

from geoloc.models.backbones.attention_crop_vit import AttentionCropViT
from geoloc.models.backbones.cached_features import CachedFeatures
from geoloc.models.backbones.clip_backbone import ClipBackbone
from geoloc.models.backbones.dropout_vgg import DropoutVGG
from geoloc.models.backbones.layer_to_layer_vit import LayerToLayerViT
from geoloc.models.backbones.timm_backbone import TimmBackbone
from geoloc.models.backbones.usam_resnet import USAMResNet

__all__ = [
    "AttentionCropViT",
    "CachedFeatures",
    "ClipBackbone",
    "DropoutVGG",
    "LayerToLayerViT",
    "TimmBackbone",
    "USAMResNet",
]
