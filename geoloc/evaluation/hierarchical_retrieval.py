"""Hierarchical retrieval: metrics over relevance levels, at every scale."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from geoloc.datasets.index import Index
from geoloc.evaluation.descriptor_metric import DescriptorMetric
from geoloc.evaluation.rerank.rerankers import Reranker
from geoloc.evaluation.retrieval import evaluate_retrieval
from geoloc.evaluation.task_result import TaskResult
from geoloc.registry import METRICS


@METRICS.register_module()
class HierarchicalRetrieval(DescriptorMetric):
    """The protocol of DA-Campus: every metric of ``evaluate_retrieval`` for every task.

    Args:
        tasks: Directions ``query_view->gallery_view``, see ``task_rows``.
        metrics: As in ``evaluate_retrieval``.
        official: As in ``evaluate_retrieval``.
        options: Those of ``DescriptorMetric``.
    """

    def __init__(
        self,
        tasks: Sequence[str] = ("drone->satellite", "satellite->drone"),
        metrics: Sequence[str] | None = None,
        official: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.tasks = tuple(tasks)
        self.metrics = metrics
        self.official = official

    def measure_ranking(
        self,
        descriptors: Tensor,
        index: Index,
        thresholds_m: Sequence[float],
        reranker: Reranker | None = None,
    ) -> dict[str, TaskResult]:
        """Compute the metrics of every task, arguments as in ``DescriptorMetric``."""
        return evaluate_retrieval(
            descriptors,
            index,
            thresholds_m,
            self.tasks,
            self.metrics,
            self.official,
            reranker,
            self.resample,
        )
