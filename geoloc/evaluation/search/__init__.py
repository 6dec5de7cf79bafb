"""Search: the k best gallery items of every query, in galleries too large to rank whole."""

from geoloc.evaluation.search.exact import exact_search, search_blocks
from geoloc.evaluation.search.exact_index import ExactIndex
from geoloc.evaluation.search.faiss_index import FaissIndex
from geoloc.evaluation.search.recall import search_recall
from geoloc.evaluation.search.result import SearchResult

__all__ = [
    "ExactIndex",
    "FaissIndex",
    "SearchResult",
    "exact_search",
    "search_blocks",
    "search_recall",
]
