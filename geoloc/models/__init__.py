"""Models: the cross-view retriever, its backbones, necks, heads and losses."""

from geoloc.models import backbones, heads, losses, necks
from geoloc.models.preprocessor import ViewPreprocessor
from geoloc.models.retriever import CrossViewRetriever

__all__ = ["CrossViewRetriever", "ViewPreprocessor", "backbones", "heads", "losses", "necks"]
