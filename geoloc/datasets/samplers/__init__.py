"""Samplers: the order in which training sees the items."""

from geoloc.datasets.samplers.unique_place import UniquePlaceSampler, unique_place_order

__all__ = ["UniquePlaceSampler", "unique_place_order"]
