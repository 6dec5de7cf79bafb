"""Evaluation: ranking, metrics of ranked levels, and the evaluators."""

from geoloc.evaluation.dyml_retrieval import DyMLRetrieval
from geoloc.evaluation.hierarchical_retrieval import HierarchicalRetrieval
from geoloc.evaluation.retrieval import evaluate_retrieval
from geoloc.evaluation.university_retrieval import UniversityRetrieval

__all__ = ["DyMLRetrieval", "HierarchicalRetrieval", "UniversityRetrieval", "evaluate_retrieval"]
