"""Necks: from feature maps to one vector per image, or to parts."""

from geoloc.models.necks.azimuth_map import AzimuthMap
from geoloc.models.necks.class_tokens import ClassTokens
from geoloc.models.necks.feature_transport import FeatureTransport
from geoloc.models.necks.gem import GeM
from geoloc.models.necks.mixvpr import MixVPR
from geoloc.models.necks.msfa import MSFA
from geoloc.models.necks.netvlad import NetVLAD
from geoloc.models.necks.no_pooling import NoPooling
from geoloc.models.necks.spatial_embedding import SpatialEmbedding
from geoloc.models.necks.square_ring_partition import SquareRingPartition
from geoloc.models.necks.strip_embedding import StripEmbedding
from geoloc.models.necks.strip_partition import StripPartition
from geoloc.models.necks.transformer_mask import TransformerMask

__all__ = [
    "MSFA",
    "AzimuthMap",
    "ClassTokens",
    "FeatureTransport",
    "GeM",
    "MixVPR",
    "NetVLAD",
    "NoPooling",
    "SpatialEmbedding",
    "SquareRingPartition",
    "StripEmbedding",
    "StripPartition",
    "TransformerMask",
]
