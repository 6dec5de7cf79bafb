"""Re-ranking: distances that take the neighbours of query and gallery images into account."""

from geoloc.evaluation.rerank.k1 import DA_CAMPUS_K1, k1_from_training
from geoloc.evaluation.rerank.k_reciprocal import k_reciprocal_rerank
from geoloc.evaluation.rerank.multi_scale import multi_scale_rerank
from geoloc.evaluation.rerank.query_expansion import average_query_expansion
from geoloc.evaluation.rerank.rerankers import AlphaQE, KReciprocal, MSRerank

__all__ = [
    "DA_CAMPUS_K1",
    "AlphaQE",
    "KReciprocal",
    "MSRerank",
    "average_query_expansion",
    "k1_from_training",
    "k_reciprocal_rerank",
    "multi_scale_rerank",
]
