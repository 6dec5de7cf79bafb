"""All metrics of all tasks from one set of descriptors."""

from collections.abc import Sequence

import torch
from torch import Tensor

from geoloc.datasets.index import Index
from geoloc.datasets.place_levels import place_levels
from geoloc.errors import ConfigError
from geoloc.evaluation.localization import localization_error_summary
from geoloc.evaluation.official_dycl import OfficialDyCL
from geoloc.evaluation.ranking import RankedChunk
from geoloc.evaluation.scoring import Scoring, summarise
from geoloc.evaluation.task import (
    check_descriptors,
    identical_items,
    metrics_per_query,
    task_rows,
)
from geoloc.geo import geodesic_distance_of_pairs


def evaluate_retrieval(
    descriptors: Tensor,
    index: Index,
    thresholds_m: Sequence[float],
    tasks: Sequence[str] = ("drone->satellite", "satellite->drone"),
    official: str | None = None,
) -> dict[str, dict[str, float]]:
    """Rank every task once and compute its metrics.

    Args:
        descriptors: L2-normalised, float32 ``[n, D]``; row i describes row i of ``index``.
        index: The test images.
        thresholds_m: Distances (m) that bound the relevance levels, ascending; empty where the
            levels come from the index's labels.
        tasks: Directions ``query_view->gallery_view``, or with the splits of both sides
            ``split/view->split/view``. An image is never searched for itself.
        official: ``'dycl'`` repeats the bugs of the released DyCL code, to compare a number with
            the paper's tables (see :mod:`geoloc.evaluation.official_dycl`); the name of the task
            then ends in ``[official dycl]``.

    Returns:
        Per task, the metrics in percent (``H-AP, ASI, NDCG, mAP/<scale>, R@K/<scale>``, each scale
        and their mean as ``overall``), the localization error of the top-1 where places have
        positions (``error/median_m, error/mean_m`` in metres, ``error/within_<r>m`` in percent),
        and the number of queries, in all and without a relevant item at each scale.

    Raises:
        DatasetError: If descriptors and index differ in length, or a view has no image.
        ConfigError: If a task is not of that form, or ``official`` is unknown.
    """
    if official not in (None, "dycl"):
        raise ConfigError(f"official={official!r} must be None or 'dycl'")
    check_descriptors(descriptors, index)
    levels = place_levels(index, thresholds_m)
    scoring = OfficialDyCL(levels) if official == "dycl" else Scoring(levels)
    suffix = "" if official is None else f" [official {official}]"
    return {f"{task}{suffix}": _evaluate_task(descriptors, index, scoring, task) for task in tasks}


def _evaluate_task(
    descriptors: Tensor, index: Index, scoring: Scoring, task: str
) -> dict[str, float]:
    """Compute the metrics of one direction; places are numbered as in the scoring's levels."""
    rows = task_rows(task, index)
    place = torch.from_numpy(index.place_labels)
    of_query, of_gallery = place[rows.query], place[rows.gallery]
    latlon = index.place_latlon

    def metrics(chunk: RankedChunk) -> dict[str, Tensor]:
        values = scoring.per_query(chunk.levels, of_query[chunk.queries], of_gallery)
        if index.has_positions:
            best = of_gallery[chunk.order[:, 0]]
            error_m = geodesic_distance_of_pairs(latlon[of_query[chunk.queries]], latlon[best])
            values["error_m"] = torch.from_numpy(error_m)
        return values

    exclude = identical_items(rows, index)
    columns = metrics_per_query(descriptors, index, scoring.levels, rows, metrics, exclude)
    error_m = columns.pop("error_m", None)
    summary = summarise(scoring, columns)
    if error_m is not None:
        errors = localization_error_summary(error_m)
        summary |= {f"error/{name}": value for name, value in errors.items()}
    return summary
