"""Necks: from feature maps to one vector per image, or to parts."""

from geoloc.models.necks.gem import GeM
from geoloc.models.necks.mixvpr import MixVPR
from geoloc.models.necks.netvlad import NetVLAD

__all__ = ["GeM", "MixVPR", "NetVLAD"]
