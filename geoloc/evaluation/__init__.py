"""Evaluation: ranking, metrics of ranked levels, and the evaluator."""

from geoloc.evaluation.hierarchical_retrieval import HierarchicalRetrieval
from geoloc.evaluation.retrieval import evaluate_retrieval

__all__ = ["HierarchicalRetrieval", "evaluate_retrieval"]
