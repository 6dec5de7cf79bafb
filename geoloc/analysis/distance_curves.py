"""Results against distance: where the first result lies, and the ranking at any radius."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from geoloc.datasets.index import Index
from geoloc.datasets.place_levels import place_levels
from geoloc.errors import DatasetError
from geoloc.evaluation.functional import average_precision
from geoloc.evaluation.ranking import RankedChunk
from geoloc.evaluation.scoring import Scoring
from geoloc.evaluation.task import identical_items, metrics_per_query, task_rows
from geoloc.geo import geodesic_distance

RADII_M = (0.0, 25.0, 50.0, 75.0, 100.0, 150.0, 200.0, 250.0, 300.0, 400.0, 500.0, 700.0, 1000.0)


class DistanceCurves(NamedTuple):
    """What a ranking is worth at every distance.

    Attributes:
        radius_m: Radii in metres, ascending, ``[K]``; 0 is the place itself.
        mean_ap: mAP in percent when all images within the radius are relevant, ``[K]``; None where
            no query has one.
        within: Share of the queries in percent whose first result lies within the radius, ``[K]``.
        h_ap: Mean H-AP in percent of the queries whose first result lies within that radius but in
            no smaller one, and in the end of those beyond all, ``[K + 1]``; None without
            such.
    """

    radius_m: list[float]
    mean_ap: list[float | None]
    within: list[float]
    h_ap: list[float | None]


def distance_curves(
    descriptors: Tensor,
    index: Index,
    thresholds_m: Sequence[float],
    task: str,
    radius_m: Sequence[float] = RADII_M,
) -> DistanceCurves:
    """Rank a task once and judge it by distance.

    Args:
        descriptors: L2-normalised, float32 ``[n, D]``; row i describes row i of ``index``.
        index: The test images, with positions.
        thresholds_m: Bounds (m) of the levels of H-AP, ascending.
        task: ``query->gallery``, see ``task_rows``.
        radius_m: Radii in metres, ascending.

    Raises:
        DatasetError: If the index has no positions or the task no image.
    """
    if not index.has_positions:
        raise DatasetError("results against distance need the positions of the places")
    levels = place_levels(index, thresholds_m)
    scoring = Scoring(levels, ["H-AP"])
    latlon = index.place_latlon
    rows = task_rows(task, index)
    exclude = identical_items(rows, index)

    def measure(chunk: RankedChunk) -> dict[str, Tensor]:
        """Return H-AP, the error in metres and the AP at every radius, ``[Q]`` each."""
        asked, row = np.unique(chunk.query_place.cpu().numpy(), return_inverse=True)
        found = chunk.gallery_place[chunk.order].cpu()
        distance_m = torch.from_numpy(geodesic_distance(latlon[asked], latlon))
        ranked_m = distance_m[torch.from_numpy(row)].gather(1, found)
        if exclude is not None:  # the query itself, which comes last
            ranked_m[exclude[chunk.queries] >= 0, -1] = torch.inf
        by_radius = {str(radius): average_precision(ranked_m <= radius) for radius in radius_m}
        return {
            "H-AP": scoring.per_query(chunk)["H-AP"].cpu(),
            "error_m": ranked_m[:, 0].contiguous(),
            **by_radius,
        }

    columns = metrics_per_query(descriptors, index, levels, rows, measure, exclude)
    error = columns["error_m"].numpy()
    ring = np.searchsorted(radius_m, error, side="left")  # the first radius >= the error
    return DistanceCurves(
        [float(radius) for radius in radius_m],
        [_percent(columns[str(radius)].numpy()) for radius in radius_m],
        [100 * float(np.mean(error <= radius)) for radius in radius_m],
        [_percent(columns["H-AP"].numpy()[ring == place]) for place in range(len(radius_m) + 1)],
    )


def _percent(values: np.ndarray) -> float | None:
    defined = values[~np.isnan(values.astype(np.float64))]
    return float(100 * defined.mean()) if defined.size else None
