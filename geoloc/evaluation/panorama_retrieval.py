"""The protocols of the street-view benchmarks CVUSA, CVACT and VIGOR."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from geoloc.evaluation import functional
from geoloc.evaluation.localization import localization_statistics
from geoloc.evaluation.ranking import RankedChunk
from geoloc.evaluation.same_place_retrieval import SamePlaceRetrieval, Task
from geoloc.evaluation.task_result import Columns, percent
from geoloc.geo import geodesic_distance_of_pairs
from geoloc.registry import METRICS

ERROR = "error_m"


@METRICS.register_module()
class PanoramaRetrieval(SamePlaceRetrieval):
    """R@1, R@5, R@10 and R@1% of the paired satellite tile, in percent, and what positions allow.

    - **CVUSA, CVACT_val**: the recalls.
    - **CVACT_test**: the recalls are the evaluation ``cvact_test_pair``. With ``radius_m=5.0`` it
      also has ``cvact_test_geo5``, as ``R@K/5m``: any tile within 5 m counts. Known (OriCNN's
      code): the radius is inclusive, and distances are those of UTM coordinates; here they are
      geodesic, a difference of up to 2 mm in 5 m.
    - **VIGOR**: the recalls of the positive tile and ``hit_rate``, the share of queries for which
      no tile but semi-positives is ranked before the positive. Known (VIGOR's code).
    - With positions, the metres between where the panorama was taken and the centre of its
      best-ranked tile: ``error/median_m``, ``error/mean_m`` and ``error/within_<r>m``.
      Distances are geodesic; VIGOR's code measures on a sphere, up to 0.3 % differently.

    Args:
        tasks: Directions, see ``task_rows``.
        one_percent: What depth R@1% means, see ``one_percent_depth``: ``floor`` (SAFA, Sample4Geo,
            TransGeo) or ``floor+1`` (CVM-Net, OriCNN, VIGOR).
        options: Those of ``SamePlaceRetrieval``.

    Raises:
        ConfigError: If an option is unknown or out of range.
    """

    def __init__(
        self,
        tasks: Sequence[str] = ("street->satellite",),
        one_percent: str = "floor",
        **options: Any,
    ) -> None:
        super().__init__(tasks, one_percent, **options)

    def per_query(self, chunk: RankedChunk, task: Task) -> dict[str, Tensor]:
        """Return the values ``{name: [q]}`` of some queries, NaN where they are undefined."""
        values = super().per_query(chunk, task)
        if task.images.also_shows.size:
            graded = _graded(chunk, task)
            values["hit_rate"] = functional.hit_rate(graded, positive_level=2)
        if task.images.has_positions:
            values[ERROR] = _error_m(chunk, task)
        return values

    def summarise(self, columns: Columns, statistics: Any) -> dict[str, Any]:
        """Return percentages, and the localization error in metres."""
        shares = {name: values for name, values in columns.items() if name != ERROR}
        summary = percent(shares, statistics)
        if ERROR in columns:
            errors = localization_statistics(columns[ERROR], statistics)
            summary |= {f"error/{kind}": value for kind, value in errors.items()}
        return summary


def _graded(chunk: RankedChunk, task: Task) -> Tensor:
    """Return int8 ``[q, G]`` in ranked order: 2 the positive, 1 a semi-positive, 0 any other."""
    also = task.images.also_labels[task.rows.query[chunk.queries]]
    ranked = chunk.gallery_place[chunk.order]
    semi = torch.zeros_like(ranked, dtype=torch.bool)
    for place in torch.from_numpy(also).to(ranked.device).unbind(dim=1):
        semi |= ranked == place[:, None]
    return torch.where(chunk.levels >= task.same_place, 2, semi.to(torch.int8))


def _error_m(chunk: RankedChunk, task: Task) -> Tensor:
    """Return the metres ``[q]`` from each query to its best-ranked tile."""
    latlon = task.images.image_latlon
    asked = latlon[task.rows.query[chunk.queries]]
    found = latlon[task.rows.gallery[chunk.order[:, 0].cpu().numpy()]]
    return torch.from_numpy(geodesic_distance_of_pairs(asked, found)).to(chunk.order.device)
