"""Datasets: readers of on-disk layouts, the common index, training pairs, samplers, transforms."""

from geoloc.datasets.campus_world import CampusWorld
from geoloc.datasets.collate import collate_views
from geoloc.datasets.da_campus import DACampus
from geoloc.datasets.dyml import DyML
from geoloc.datasets.image_dataset import ImageDataset
from geoloc.datasets.index import Index
from geoloc.datasets.pair_dataset import PairDataset
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
from geoloc.datasets.transforms import LoadImage, RandomRotation
from geoloc.datasets.university1652 import University1652
from geoloc.datasets.validation_campuses import ValidationCampuses

__all__ = [
    "CampusWorld",
    "DACampus",
    "DyML",
    "DynamicSimilaritySampler",
    "GPSSampler",
    "HierarchicalSampler",
    "ImageDataset",
    "Index",
    "IndexDataset",
    "LoadImage",
    "NearPlaceSampler",
    "PairDataset",
    "PlaceImageSampler",
    "Protocol",
    "RandomRotation",
    "Source",
    "UniquePlaceSampler",
    "University1652",
    "ValidationCampuses",
    "collate_views",
    "fingerprint",
]
