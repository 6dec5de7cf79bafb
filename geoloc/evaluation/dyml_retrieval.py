"""The protocol of DyML: binary retrieval at a fine, a middle and a coarse scale."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from geoloc.datasets.index import Index
from geoloc.datasets.place_levels import PlaceLevels, place_levels
from geoloc.errors import ConfigError
from geoloc.evaluation import functional
from geoloc.evaluation.descriptor_metric import DescriptorMetric
from geoloc.evaluation.ranking import RankedChunk
from geoloc.evaluation.rerank.rerankers import Reranker
from geoloc.evaluation.task import (
    check_descriptors,
    identical_items,
    metrics_per_query,
    task_rows,
)
from geoloc.evaluation.task_result import TaskResult, percent, task_result
from geoloc.registry import METRICS

LEVELS = {"fine": 3, "middle": 2, "coarse": 1}
RECALL_DEPTHS = (1, 10, 20)


@METRICS.register_module()
class DyMLRetrieval(DescriptorMetric):
    """mAP, mAP@R, R@1 (= P@1), R@10, R@20 and binary ASI at every scale and their mean, in percent.

    An item is relevant at the fine scale if it shares all three labels with the query (level 3),
    at the middle scale from level 2 on, at the coarse scale from level 1 on. DyML-Vehicle and
    DyML-Animal have one benchmark set per scale, whose pairs have level 3 or 0; DyML-Product has
    one set with all labels. ``overall`` is the arithmetic mean over the scales, the mAP and R@1 of
    the published tables (Sun et al., CVPR 2021; Ramzi et al., HAPPIER, ECCV 2022).

    The query's own image is left out of its gallery: it is the same row, or where queries and
    gallery lie in two folders, the file of the same name.

    Args:
        tasks: For ``fine``, ``middle`` and ``coarse``, or some of them, the task
            ``split/view->split/view`` (see ``task_rows``).
        options: Those of ``DescriptorMetric``.

    Raises:
        ConfigError: If ``tasks`` has another scale, or none.
    """

    def __init__(
        self,
        tasks: Mapping[str, str],
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not isinstance(tasks, Mapping) or not tasks or not set(tasks) <= set(LEVELS):
            raise ConfigError(
                f"DyMLRetrieval tasks={tasks!r} must name a task for some of {', '.join(LEVELS)}, "
                "for example dict(fine='image->image')"
            )
        self.tasks = {scale: tasks[scale] for scale in LEVELS if scale in tasks}

    def measure_ranking(
        self,
        descriptors: Tensor,
        index: Index,
        thresholds_m: Sequence[float],
        reranker: Reranker | None = None,
    ) -> dict[str, TaskResult]:
        """Compute the metrics of every scale, and their means as ``overall``.

        Arguments as in ``DescriptorMetric``. ``overall`` has no intervals: its scales may come
        from different images.

        Raises:
            ConfigError: If the index does not have three levels.
        """
        check_descriptors(descriptors, index)
        levels = place_levels(index, thresholds_m)
        if levels.highest != len(LEVELS):
            raise ConfigError(
                f"DyMLRetrieval needs the {len(LEVELS)} levels of the labels {', '.join(LEVELS)}, "
                f"the data has {levels.highest}"
            )
        found: dict[str, TaskResult] = {}
        for task in dict.fromkeys(self.tasks.values()):  # each is ranked once
            scales = [scale for scale, wanted in self.tasks.items() if wanted == task]
            found |= self._measure_task(descriptors, index, levels, task, scales, reranker)
        results = {scale: found[scale] for scale in self.tasks}
        return results | {"overall": _mean(list(results.values()))}

    def _measure_task(
        self,
        descriptors: Tensor,
        index: Index,
        levels: PlaceLevels,
        task: str,
        scales: Sequence[str],
        reranker: Reranker | None,
    ) -> dict[str, TaskResult]:
        rows = task_rows(task, index)

        def metrics(chunk: RankedChunk) -> dict[str, Tensor]:
            return {
                f"{scale}/{name}": values
                for scale in scales
                for name, values in _binary_metrics(chunk.levels >= LEVELS[scale]).items()
            }

        exclude = identical_items(rows, index, by_name=True)
        columns = metrics_per_query(descriptors, index, levels, rows, metrics, exclude, reranker)
        place = torch.from_numpy(index.place_labels[rows.query])
        results = {}
        for scale in scales:
            own = {
                name.partition("/")[2]: values
                for name, values in columns.items()
                if name.startswith(f"{scale}/")
            }
            without = int(own["mAP"].isnan().sum())
            counts = {"queries": len(rows.query), "queries_without_relevant": without}
            results[scale] = task_result(own, percent, counts, rows.query, place, self.resample)
        return results


def _mean(results: Sequence[TaskResult]) -> TaskResult:
    means = {
        name: sum(result.metrics[name] for result in results) / len(results)
        for name in results[0].metrics
        if not name.startswith("queries")
    }
    return TaskResult(means, {}, {}, np.empty(0, np.int64))


def _binary_metrics(relevant: Tensor) -> dict[str, Tensor]:
    return {
        "mAP": functional.average_precision(relevant),
        "mAP@R": functional.average_precision_at_r(relevant),
        "ASI": functional.average_set_intersection(relevant.to(torch.int8)),
        **{f"R@{depth}": functional.recall_at_k(relevant, depth) for depth in RECALL_DEPTHS},
    }
