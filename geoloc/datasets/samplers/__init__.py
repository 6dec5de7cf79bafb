"""Samplers: the order in which training sees the items."""

from geoloc.datasets.samplers.dynamic_similarity import DynamicSimilaritySampler
from geoloc.datasets.samplers.global_batch import GlobalBatchSampler
from geoloc.datasets.samplers.global_mining import (
    GlobalMiningSampler,
    mined_halves,
    pool_candidates,
)
from geoloc.datasets.samplers.gps import GPSSampler
from geoloc.datasets.samplers.hierarchical import HierarchicalSampler
from geoloc.datasets.samplers.near_place import NearPlaceSampler
from geoloc.datasets.samplers.neighbour_batches import NeighbourBatchSampler, neighbour_batches
from geoloc.datasets.samplers.neighbour_table import most_similar, nearest_places
from geoloc.datasets.samplers.place_image import PlaceImageSampler
from geoloc.datasets.samplers.unique_place import UniquePlaceSampler

__all__ = [
    "DynamicSimilaritySampler",
    "GPSSampler",
    "GlobalBatchSampler",
    "GlobalMiningSampler",
    "HierarchicalSampler",
    "NearPlaceSampler",
    "NeighbourBatchSampler",
    "PlaceImageSampler",
    "UniquePlaceSampler",
    "mined_halves",
    "most_similar",
    "nearest_places",
    "neighbour_batches",
    "pool_candidates",
]
