"""Backbones that mmpretrain does not lend: ``mmpretrain.X`` needs no file here."""

from geoloc.models.backbones.timm_backbone import TimmBackbone

__all__ = ["TimmBackbone"]
