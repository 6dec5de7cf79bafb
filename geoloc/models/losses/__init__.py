"""Losses: pair losses on (query, gallery, levels), class losses on (embedding, place_label)."""

from geoloc.models.losses.dycl_loss import DyCLLoss
from geoloc.models.losses.infonce_loss import InfoNCELoss
from geoloc.models.losses.normalized_softmax_loss import NormalizedSoftmaxLoss
from geoloc.models.losses.pair_loss import PairLoss
from geoloc.models.losses.triplet_loss import TripletLoss

__all__ = ["DyCLLoss", "InfoNCELoss", "NormalizedSoftmaxLoss", "PairLoss", "TripletLoss"]
