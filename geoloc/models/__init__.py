"""Models: the cross-view retriever and GeoCLIP, and their parts."""

from geoloc.models import (
    azimuth_similarity,
    backbones,
    heads,
    location_encoders,
    losses,
    miners,
    necks,
)
from geoloc.models.preprocessor import ViewPreprocessor
from geoloc.models.retriever import CrossViewRetriever

__all__ = [
    "CrossViewRetriever",
    "ViewPreprocessor",
    "azimuth_similarity",
    "backbones",
    "heads",
    "location_encoders",
    "losses",
    "miners",
    "necks",
]
