"""Evaluation: ranking, metrics of ranked levels, and the evaluators."""

from geoloc.evaluation.dense_uav_retrieval import DenseUAVRetrieval
from geoloc.evaluation.dyml_retrieval import DyMLRetrieval
from geoloc.evaluation.global_localization import GlobalLocalization
from geoloc.evaluation.hierarchical_retrieval import HierarchicalRetrieval
from geoloc.evaluation.panorama_retrieval import PanoramaRetrieval
from geoloc.evaluation.retrieval import evaluate_retrieval
from geoloc.evaluation.university_retrieval import UniversityRetrieval

__all__ = [
    "DenseUAVRetrieval",
    "DyMLRetrieval",
    "GlobalLocalization",
    "HierarchicalRetrieval",
    "PanoramaRetrieval",
    "UniversityRetrieval",
    "evaluate_retrieval",
]
