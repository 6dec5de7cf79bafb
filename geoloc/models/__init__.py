"""Models: the cross-view retriever, its heads and losses."""

from geoloc.models import heads, losses
from geoloc.models.preprocessor import ViewPreprocessor
from geoloc.models.retriever import CrossViewRetriever

__all__ = ["CrossViewRetriever", "ViewPreprocessor", "heads", "losses"]
