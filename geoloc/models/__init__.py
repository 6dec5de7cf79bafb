"""Models: the cross-view retriever, its backbones, necks, heads, losses and miners."""

from geoloc.models import azimuth_similarity, backbones, heads, losses, miners, necks
from geoloc.models.preprocessor import ViewPreprocessor
from geoloc.models.retriever import CrossViewRetriever

__all__ = [
    "CrossViewRetriever",
    "ViewPreprocessor",
    "azimuth_similarity",
    "backbones",
    "heads",
    "losses",
    "miners",
    "necks",
]
