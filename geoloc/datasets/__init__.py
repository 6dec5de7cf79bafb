"""Datasets: readers of on-disk layouts, the common index, training pairs, samplers, transforms."""

from geoloc.datasets.campus_world import CampusWorld
from geoloc.datasets.collate import collate_photos, collate_views
from geoloc.datasets.cvact import CVACT
from geoloc.datasets.cvusa import CVUSA
from geoloc.datasets.da_campus import DACampus
from geoloc.datasets.dataset_from_photos import DatasetFromPhotos
from geoloc.datasets.dense_uav import DenseUAV
from geoloc.datasets.dyml import DyML
from geoloc.datasets.extracted_features import ExtractedFeatures
from geoloc.datasets.feature_dataset import FeatureDataset
from geoloc.datasets.field_of_view import FieldOfView
from geoloc.datasets.globe_world import GlobeWorld
from geoloc.datasets.image_dataset import ImageDataset
from geoloc.datasets.index import Index
from geoloc.datasets.osv5m import OSV5M
from geoloc.datasets.pair_dataset import PairDataset
from geoloc.datasets.pair_transforms import PairFlip, PairRotation
from geoloc.datasets.photo_benchmarks import Im2GPS3k, PhotoFolder, YFCC4k, YFCC26k
from geoloc.datasets.photo_dataset import PhotoDataset
from geoloc.datasets.polar_transform import PolarTransform
from geoloc.datasets.protocol import Protocol, fingerprint
from geoloc.datasets.samplers import (
    DynamicSimilaritySampler,
    GPSSampler,
    HierarchicalSampler,
    NearPlaceSampler,
    PlaceImageSampler,
    UniquePlaceSampler,
)
from geoloc.datasets.source import IndexDataset, Source
from geoloc.datasets.street_world import StreetWorld
from geoloc.datasets.sues200 import SUES200
from geoloc.datasets.transforms import LoadImage, RandomRotation
from geoloc.datasets.university1652 import University1652
from geoloc.datasets.validation_campuses import ValidationCampuses
from geoloc.datasets.vigor import VIGOR

__all__ = [
    "CVACT",
    "CVUSA",
    "OSV5M",
    "SUES200",
    "VIGOR",
    "CampusWorld",
    "DACampus",
    "DatasetFromPhotos",
    "DenseUAV",
    "DyML",
    "DynamicSimilaritySampler",
    "ExtractedFeatures",
    "FeatureDataset",
    "FieldOfView",
    "GPSSampler",
    "GlobeWorld",
    "HierarchicalSampler",
    "Im2GPS3k",
    "ImageDataset",
    "Index",
    "IndexDataset",
    "LoadImage",
    "NearPlaceSampler",
    "PairDataset",
    "PairFlip",
    "PairRotation",
    "PhotoDataset",
    "PhotoFolder",
    "PlaceImageSampler",
    "PolarTransform",
    "Protocol",
    "RandomRotation",
    "Source",
    "StreetWorld",
    "UniquePlaceSampler",
    "University1652",
    "ValidationCampuses",
    "YFCC4k",
    "YFCC26k",
    "collate_photos",
    "collate_views",
    "fingerprint",
]
