"""Geodesy and relevance: distances on the ground and the levels made of them."""

from geoloc.geo.coordinates import check_latlon
from geoloc.geo.geodesy import geodesic_distance
from geoloc.geo.relevance import check_thresholds, relevance_levels

__all__ = ["check_latlon", "check_thresholds", "geodesic_distance", "relevance_levels"]
