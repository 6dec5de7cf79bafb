"""Backbones that mmpretrain does not lend: ``mmpretrain.X`` needs no file here."""

from geoloc.models.backbones.dropout_vgg import DropoutVGG
from geoloc.models.backbones.timm_backbone import TimmBackbone
from geoloc.models.backbones.usam_resnet import USAMResNet

__all__ = ["DropoutVGG", "TimmBackbone", "USAMResNet"]
