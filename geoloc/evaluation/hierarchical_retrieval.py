"""Hierarchical retrieval: metrics over relevance levels, at every scale."""

from collections.abc import Sequence

from torch import Tensor

from geoloc.datasets.index import Index
from geoloc.evaluation.descriptor_metric import DescriptorMetric
from geoloc.evaluation.results import Results
from geoloc.evaluation.retrieval import evaluate_retrieval
from geoloc.registry import METRICS


@METRICS.register_module()
class HierarchicalRetrieval(DescriptorMetric):
    """The protocol of DA-Campus: every metric of ``evaluate_retrieval`` for every task.

    Args:
        tasks: Directions ``query_view->gallery_view``, see ``task_rows``.
        output_dir: As in ``DescriptorMetric``.
        config_hash: As in ``DescriptorMetric``.
        official: As in ``evaluate_retrieval``.
    """

    def __init__(
        self,
        tasks: Sequence[str] = ("drone->satellite", "satellite->drone"),
        output_dir: str | None = None,
        config_hash: str | None = None,
        official: str | None = None,
    ) -> None:
        super().__init__(output_dir, config_hash)
        self.tasks = tuple(tasks)
        self.official = official

    def measure(self, descriptors: Tensor, index: Index, thresholds_m: Sequence[float]) -> Results:
        """Compute the metrics of every task, arguments as in ``DescriptorMetric``."""
        return evaluate_retrieval(descriptors, index, thresholds_m, self.tasks, self.official)
