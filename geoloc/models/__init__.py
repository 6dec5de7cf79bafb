"""Models: the cross-view retriever and GeoCLIP, and their parts."""

from geoloc.models import (
    augments,
    azimuth_similarity,
    backbones,
    heads,
    location_encoders,
    losses,
    miners,
    necks,
)
from geoloc.models.galleries import (
    CsvGallery,
    FeatureGallery,
    FibonacciGallery,
    SourceGallery,
)
from geoloc.models.geoclip import GeoCLIP
from geoloc.models.gps_gallery import GpsGallery
from geoloc.models.gps_noise import GpsNoise
from geoloc.models.gps_queue import GpsQueue
from geoloc.models.photo_preprocessor import PhotoPreprocessor
from geoloc.models.preprocessor import ViewPreprocessor
from geoloc.models.retriever import CrossViewRetriever

__all__ = [
    "CrossViewRetriever",
    "CsvGallery",
    "FeatureGallery",
    "FibonacciGallery",
    "GeoCLIP",
    "GpsGallery",
    "GpsNoise",
    "GpsQueue",
    "PhotoPreprocessor",
    "SourceGallery",
    "ViewPreprocessor",
    "augments",
    "azimuth_similarity",
    "backbones",
    "heads",
    "location_encoders",
    "losses",
    "miners",
    "necks",
]
