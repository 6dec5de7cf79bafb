"""Losses: pair losses on (query, gallery, levels), class losses on (embedding, place_label)."""

from geoloc.models.losses.class_loss import ClassLoss
from geoloc.models.losses.contrastive_loss import ContrastiveLoss
from geoloc.models.losses.cosine_contrastive_loss import CosineContrastiveLoss
from geoloc.models.losses.csl_loss import CSLLoss
from geoloc.models.losses.distance_weighted_triplet_loss import DistanceWeightedTripletLoss
from geoloc.models.losses.dycl_loss import DyCLLoss
from geoloc.models.losses.hap_loss import HAPLoss
from geoloc.models.losses.her_loss import HERLoss
from geoloc.models.losses.infonce_loss import InfoNCELoss
from geoloc.models.losses.instance_loss import InstanceLoss
from geoloc.models.losses.multi_scale_class_loss import MultiScaleClassLoss
from geoloc.models.losses.multi_scale_loss import MultiScaleLoss
from geoloc.models.losses.multi_similarity_loss import MultiSimilarityLoss
from geoloc.models.losses.normalized_softmax_loss import NormalizedSoftmaxLoss
from geoloc.models.losses.pair_loss import PairLoss
from geoloc.models.losses.pml_loss import PMLLoss
from geoloc.models.losses.proxy_loss import ProxyLoss
from geoloc.models.losses.proxy_nca_loss import ProxyNCALoss
from geoloc.models.losses.seh_loss import SEHLoss
from geoloc.models.losses.semivariogram_infonce_loss import SemivariogramInfoNCELoss
from geoloc.models.losses.soft_margin_triplet_loss import SoftMarginTripletLoss
from geoloc.models.losses.triplet_loss import TripletLoss

__all__ = [
    "CSLLoss",
    "ClassLoss",
    "ContrastiveLoss",
    "CosineContrastiveLoss",
    "DistanceWeightedTripletLoss",
    "DyCLLoss",
    "HAPLoss",
    "HERLoss",
    "InfoNCELoss",
    "InstanceLoss",
    "MultiScaleClassLoss",
    "MultiScaleLoss",
    "MultiSimilarityLoss",
    "NormalizedSoftmaxLoss",
    "PMLLoss",
    "PairLoss",
    "ProxyLoss",
    "ProxyNCALoss",
    "SEHLoss",
    "SemivariogramInfoNCELoss",
    "SoftMarginTripletLoss",
    "TripletLoss",
]
