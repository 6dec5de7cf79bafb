"""The protocol of University-1652: retrieval of the same place."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from geoloc.datasets.index import Index
from geoloc.datasets.place_levels import PlaceLevels, place_levels
from geoloc.errors import ConfigError, DatasetError
from geoloc.evaluation import functional
from geoloc.evaluation.descriptor_metric import DescriptorMetric
from geoloc.evaluation.ranking import RankedChunk
from geoloc.evaluation.rerank.rerankers import Reranker
from geoloc.evaluation.task import (
    TaskRows,
    check_descriptors,
    identical_items,
    metrics_per_query,
    task_rows,
)
from geoloc.evaluation.task_result import TaskResult, percent, task_result
from geoloc.registry import METRICS

RECALL_DEPTHS = (1, 5, 10)
JUNK = -1


@METRICS.register_module()
class UniversityRetrieval(DescriptorMetric):
    """R@1, R@5, R@10, R@1% and AP of the same place, in percent (Zheng et al., ACM MM 2020).

    AP is the trapezoidal one of the official code. Gallery images of place -1 are junk and left out
    of the gallery. The means go over the queries that have an image of their place in the gallery;
    the others are counted as ``queries_without_relevant`` (the official code counts them as zeros;
    University-1652 has none).

    Args:
        tasks: Directions ``query/view->gallery/view``, see ``task_rows``.
        one_percent: What depth R@1% means, see ``one_percent_depth``; ``round+1`` is the official
            code's.
        options: Those of ``DescriptorMetric``.

    Raises:
        ConfigError: If ``one_percent`` is unknown.
    """

    def __init__(
        self,
        tasks: Sequence[str] = ("query/drone->gallery/satellite", "query/satellite->gallery/drone"),
        one_percent: str = "floor",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if one_percent not in functional.ONE_PERCENT:
            raise ConfigError(
                f"one_percent={one_percent!r} must be one of {', '.join(functional.ONE_PERCENT)}"
            )
        self.tasks = tuple(tasks)
        self.one_percent = one_percent

    def measure_ranking(
        self,
        descriptors: Tensor,
        index: Index,
        thresholds_m: Sequence[float],
        reranker: Reranker | None = None,
    ) -> dict[str, TaskResult]:
        """Compute the metrics of every task, arguments as in ``DescriptorMetric``."""
        check_descriptors(descriptors, index)
        levels = place_levels(index, thresholds_m)
        return {
            task: self._measure_task(descriptors, index, levels, task, reranker)
            for task in self.tasks
        }

    def _measure_task(
        self,
        descriptors: Tensor,
        index: Index,
        levels: PlaceLevels,
        task: str,
        reranker: Reranker | None,
    ) -> TaskResult:
        query, gallery = task_rows(task, index)
        rows = TaskRows(query, gallery[index.place[gallery] != JUNK])
        if not rows.gallery.size:
            raise DatasetError(f"task {task!r}: all images of the gallery are junk (place {JUNK})")
        one_percent = functional.one_percent_depth(len(rows.gallery), self.one_percent)
        metrics = partial(_metrics, same_place=levels.highest, one_percent=one_percent)
        exclude = identical_items(rows, index)
        columns = metrics_per_query(descriptors, index, levels, rows, metrics, exclude, reranker)
        without = int(columns["AP"].isnan().sum())
        counts = {"queries": len(query), "queries_without_relevant": without}
        place = torch.from_numpy(index.place_labels[query])
        return task_result(columns, percent, counts, query, place, self.resample)


def _metrics(chunk: RankedChunk, same_place: int, one_percent: int) -> dict[str, Tensor]:
    relevant: Tensor = chunk.levels >= same_place
    depths = {f"R@{depth}": depth for depth in RECALL_DEPTHS} | {"R@1%": one_percent}
    values = {name: functional.recall_at_k(relevant, depth) for name, depth in depths.items()}
    return values | {"AP": functional.trapezoidal_average_precision(relevant)}
