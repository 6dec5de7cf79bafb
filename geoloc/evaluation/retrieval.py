"""All metrics of all tasks from one set of descriptors."""

from collections.abc import Sequence

import torch
from torch import Tensor

from geoloc.datasets.index import Index
from geoloc.datasets.place_levels import place_levels
from geoloc.errors import ConfigError
from geoloc.evaluation.bootstrap import check_resample
from geoloc.evaluation.official_dycl import BatchStatistics, OfficialDyCL
from geoloc.evaluation.rerank.rerankers import Reranker
from geoloc.evaluation.scoring import Scoring, default_metrics, query_counts, summarise
from geoloc.evaluation.task import (
    check_descriptors,
    identical_items,
    metrics_per_query,
    task_rows,
)
from geoloc.evaluation.task_result import TaskResult, task_result


def evaluate_retrieval(
    descriptors: Tensor,
    index: Index,
    thresholds_m: Sequence[float],
    tasks: Sequence[str] = ("drone->satellite", "satellite->drone"),
    metrics: Sequence[str] | None = None,
    official: str | None = None,
    reranker: Reranker | None = None,
    resample: str = "place",
) -> dict[str, TaskResult]:
    """Rank every task once and compute its metrics.

    Every process of a distributed run must call this, with the same arguments: each ranks a share
    of the queries, and all return the same.

    Args:
        descriptors: L2-normalised, float32 ``[n, D]``; row i describes row i of ``index``. The
            ranking is computed on their device.
        index: The test images.
        thresholds_m: Distances (m) that bound the relevance levels, ascending; empty where the
            levels come from the index's labels.
        tasks: Directions ``query_view->gallery_view``, or with the splits of both sides
            ``split/view->split/view``. An image is never searched for itself.
        metrics: Names, see ``metric_of``; by default H-AP, ASI, NDCG, and at every scale mAP, R@1,
            R@5 and R@10, and where places have positions the localization error of the top-1.
        official: ``'dycl'`` repeats the bugs of the released DyCL code, to compare a number with
            the paper's tables (see :mod:`geoloc.evaluation.official_dycl`); the name of the task
            then ends in ``[official dycl]``, and there are no intervals.
        reranker: Gives the distances to rank by, instead of the descriptors themselves.
        resample: What the bootstrap of the intervals draws: ``place``, all queries of a place
            together, or single queries (``query``).

    Returns:
        The results per task. Metrics are in percent (``H-AP``, ``mAP/<scale>`` ..., each scale and
        their mean as ``overall``); the localization error is ``error/median_m, error/mean_m`` in
        metres and ``error/within_<r>m`` in percent; ``queries`` and
        ``queries_without_relevant/<scale>`` count.

    Raises:
        DatasetError: If descriptors and index differ in length, or a view has no image.
        ConfigError: If a task is not of that form, or ``metrics``, ``official`` or ``resample`` is
            unknown.
    """
    if official not in (None, "dycl"):
        raise ConfigError(f"official={official!r} must be None or 'dycl'")
    check_resample(resample)
    check_descriptors(descriptors, index)
    levels = place_levels(index, thresholds_m)
    scoring = (Scoring if official is None else OfficialDyCL)(
        levels,
        default_metrics(index.has_positions) if metrics is None else metrics,
        index.place_latlon if index.has_positions else None,
    )
    suffix = "" if official is None else f" [official {official}]"
    return {
        f"{task}{suffix}": _evaluate_task(descriptors, index, scoring, task, reranker, resample)
        for task in tasks
    }


def _evaluate_task(
    descriptors: Tensor,
    index: Index,
    scoring: Scoring,
    task: str,
    reranker: Reranker | None,
    resample: str,
) -> TaskResult:
    rows = task_rows(task, index)
    exclude = identical_items(rows, index)
    columns = metrics_per_query(
        descriptors, index, scoring.levels, rows, scoring.per_query, exclude, reranker
    )
    counts = query_counts(columns)
    if isinstance(scoring, OfficialDyCL):
        values = summarise(columns, BatchStatistics())
        return TaskResult(values | counts, {}, columns, rows.query)
    place = torch.from_numpy(index.place_labels[rows.query])
    return task_result(columns, summarise, counts, rows.query, place, resample)
