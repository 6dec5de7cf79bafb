"""Losses: pair losses on (query, gallery, levels), class losses on (embedding, place_label)."""

from geoloc.models.losses.cosine_contrastive_loss import CosineContrastiveLoss
from geoloc.models.losses.dycl_loss import DyCLLoss
from geoloc.models.losses.her_loss import HERLoss
from geoloc.models.losses.infonce_loss import InfoNCELoss
from geoloc.models.losses.normalized_softmax_loss import NormalizedSoftmaxLoss
from geoloc.models.losses.pair_loss import PairLoss
from geoloc.models.losses.seh_loss import SEHLoss
from geoloc.models.losses.triplet_loss import TripletLoss

__all__ = [
    "CosineContrastiveLoss",
    "DyCLLoss",
    "HERLoss",
    "InfoNCELoss",
    "NormalizedSoftmaxLoss",
    "PairLoss",
    "SEHLoss",
    "TripletLoss",
]
