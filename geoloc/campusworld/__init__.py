"""CampusWorld: a procedural stand-in for DA-Campus, rendered in its on-disk layout."""

from geoloc.campusworld.dataset import write_campusworld
from geoloc.campusworld.spec import PRESETS, WorldSpec

__all__ = ["PRESETS", "WorldSpec", "write_campusworld"]
