"""Geodesy and relevance: distances on the ground and the levels made of them."""

from geoloc.geo.campuses import campus_labels
from geoloc.geo.coordinates import check_latlon
from geoloc.geo.earth_centred import earth_centred
from geoloc.geo.geodesy import azimuth_of_pairs, geodesic_distance, geodesic_distance_of_pairs
from geoloc.geo.neighbours import NearPairs, near_pairs
from geoloc.geo.relevance import check_thresholds, relevance_levels

__all__ = [
    "NearPairs",
    "azimuth_of_pairs",
    "campus_labels",
    "check_latlon",
    "check_thresholds",
    "earth_centred",
    "geodesic_distance",
    "geodesic_distance_of_pairs",
    "near_pairs",
    "relevance_levels",
]
