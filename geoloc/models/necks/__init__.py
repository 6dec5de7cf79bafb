"""Necks: from feature maps to one vector per image, or to parts."""

from geoloc.models.necks.gem import GeM
from geoloc.models.necks.mixvpr import MixVPR
from geoloc.models.necks.netvlad import NetVLAD
from geoloc.models.necks.square_ring_partition import SquareRingPartition
from geoloc.models.necks.strip_partition import StripPartition

__all__ = ["GeM", "MixVPR", "NetVLAD", "SquareRingPartition", "StripPartition"]
