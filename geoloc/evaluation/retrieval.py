"""All metrics of all tasks from one set of descriptors."""

from collections.abc import Sequence

import torch
from torch import Tensor

from geoloc.datasets.index import Index
from geoloc.datasets.place_levels import PlaceLevels, place_levels
from geoloc.evaluation import functional
from geoloc.evaluation.ranking import RankedChunk
from geoloc.evaluation.task import (
    check_descriptors,
    identical_items,
    metrics_per_query,
    percent,
    task_rows,
)
from geoloc.geo import geodesic_distance

RECALL_DEPTHS = (1, 5, 10)


def evaluate_retrieval(
    descriptors: Tensor,
    index: Index,
    thresholds_m: Sequence[float],
    tasks: Sequence[str] = ("drone->satellite", "satellite->drone"),
) -> dict[str, dict[str, float]]:
    """Rank every task once and compute its metrics.

    Args:
        descriptors: L2-normalised, float32 ``[n, D]``; row i describes row i of ``index``.
        index: The test images.
        thresholds_m: Distances (m) that bound the relevance levels, ascending; empty where the
            levels come from the index's labels.
        tasks: Directions ``query_view->gallery_view``, or with the splits of both sides
            ``split/view->split/view``. An image is never searched for itself.

    Returns:
        Per task, the metrics in percent (``H-AP, ASI, NDCG, mAP/<scale>, R@K/<scale>``, each scale
        and their mean as ``overall``), the localization error of the top-1 where places have
        positions (``error/median_m, error/mean_m`` in metres, ``error/within_<r>m`` in percent),
        and the number of queries, in all and without a relevant item at each scale.

    Raises:
        DatasetError: If descriptors and index differ in length, or a view has no image.
        ConfigError: If a task is not of that form.
    """
    check_descriptors(descriptors, index)
    distance_m = (
        geodesic_distance(index.place_latlon, index.place_latlon) if index.has_positions else None
    )
    levels = place_levels(index, thresholds_m, distance_m)
    between = None if distance_m is None else torch.from_numpy(distance_m)
    return {task: _evaluate_task(descriptors, index, levels, task, between) for task in tasks}


def _evaluate_task(
    descriptors: Tensor,
    index: Index,
    levels: PlaceLevels,
    task: str,
    place_distance_m: Tensor | None,
) -> dict[str, float]:
    """Compute the metrics of one direction; places are numbered as in ``levels``."""
    rows = task_rows(task, index)
    place = torch.from_numpy(index.place_labels)
    of_query, of_gallery = place[rows.query], place[rows.gallery]

    def metrics(chunk: RankedChunk) -> dict[str, Tensor]:
        values = _metrics_of_ranked(chunk.levels, levels.highest)
        if place_distance_m is not None:
            best = of_gallery[chunk.order[:, 0]]
            values["error_m"] = place_distance_m[of_query[chunk.queries], best]
        return values

    exclude = identical_items(rows, index)
    columns = metrics_per_query(descriptors, index, levels, rows, metrics, exclude)
    return _summarise(columns, levels.highest)


def _metrics_of_ranked(ranked: Tensor, num_levels: int) -> dict[str, Tensor]:
    values = {
        "H-AP": functional.hierarchical_average_precision(ranked, num_levels),
        "ASI": functional.average_set_intersection(ranked),
        "NDCG": functional.ndcg(ranked),
    }
    for level, scale in zip(range(num_levels, 0, -1), scale_names(num_levels), strict=True):
        relevant = ranked >= level
        values[f"mAP/{scale}"] = functional.average_precision(relevant)
        for depth in RECALL_DEPTHS:
            values[f"R@{depth}/{scale}"] = functional.recall_at_k(relevant, depth)
    return values


def _summarise(columns: dict[str, Tensor], num_levels: int) -> dict[str, float]:
    error_m = columns.pop("error_m", None)
    summary = percent(columns)
    scales = scale_names(num_levels)
    for metric in ("mAP", *(f"R@{depth}" for depth in RECALL_DEPTHS)):
        summary[f"{metric}/overall"] = sum(summary[f"{metric}/{scale}"] for scale in scales) / len(
            scales
        )
    if error_m is not None:
        errors = functional.localization_error_summary(error_m)
        summary |= {f"error/{name}": value for name, value in errors.items()}
    summary["queries"] = len(columns["H-AP"])
    for scale in scales:
        without = columns[f"mAP/{scale}"].isnan().sum()
        summary[f"queries_without_relevant/{scale}"] = int(without)
    return summary


def scale_names(num_levels: int) -> tuple[str, ...]:
    """Return the names of the scales from the highest level down.

    Three levels have the names of the DyCL paper; any other number is named by its least level.
    """
    if num_levels == 3:
        return ("small", "middle", "large")
    return tuple(f"level{level}" for level in range(num_levels, 0, -1))
