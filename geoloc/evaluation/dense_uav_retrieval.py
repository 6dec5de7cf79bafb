"""The protocol of DenseUAV: University-1652's recalls, and how near the results are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoloc.datasets.index import Index
from geoloc.errors import ConfigError
from geoloc.evaluation.localization import SDM_SCALE_M, spatial_distance_metric
from geoloc.evaluation.ranking import RankedChunk
from geoloc.evaluation.same_place_retrieval import Task
from geoloc.evaluation.university_retrieval import TASKS, UniversityRetrieval
from geoloc.geo import geodesic_distance_of_pairs
from geoloc.geo.ellipsoid import EQUATORIAL_RADIUS_M, MEAN_RADIUS_M
from geoloc.registry import METRICS

OFFICIAL = "denseuav"
OFFICIAL_SCALE_DEG = 1 / 5000

Pairs = NDArray[np.float64]


@METRICS.register_module()
class DenseUAVRetrieval(UniversityRetrieval):
    r"""R@K, R@1%, AP, SDM@K and MA@m, in percent (Dai et al., IEEE TIP 2024).

    SDM@K says how near the first K results are, see ``spatial_distance_metric``; MA@m is the share
    of queries whose best-ranked image lies within m metres.

    The official code takes the Euclidean distance of longitude and latitude in degrees (float32)
    for SDM, so that at 30 degrees north a metre to the east counts 15 % more than one to the north;
    for MA a sphere with the Earth's equatorial radius, and strictly less than m. Here distances
    are geodesic metres and ``<=``; ``official='denseuav'`` repeats the official ones (known: its
    code), and the names of the tasks then end in ``[official denseuav]``.

    Args:
        tasks: Directions ``query/view->gallery/view``, see ``task_rows``.
        one_percent: As in ``UniversityRetrieval``; the official code's is ``round+1``.
        sdm: The K of SDM@K.
        ma_m: The m of MA@m, in metres.
        official: None or ``denseuav``.
        options: Those of ``SamePlaceRetrieval``.

    Raises:
        ConfigError: If an option is unknown or out of range.
    """

    def __init__(
        self,
        tasks: Sequence[str] = TASKS,
        one_percent: str = "floor",
        sdm: Sequence[int] = (1, 3, 5, 10),
        ma_m: Sequence[float] = (3, 5, 10, 20, 50),
        official: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(tasks, one_percent, **options)
        if official not in (None, OFFICIAL):
            raise ConfigError(f"official={official!r} must be None or {OFFICIAL!r}")
        if not sdm or min(sdm) < 1:
            raise ConfigError(f"sdm={tuple(sdm)} must be numbers of images, 1 or more")
        self.sdm = tuple(sdm)
        self.ma_m = tuple(ma_m)
        self.official = official

    def check_index(self, index: Index) -> None:
        """Check that the test images have positions.

        Raises:
            ConfigError: If they have none.
        """
        super().check_index(index)
        if not index.has_positions:
            raise ConfigError(
                "DenseUAVRetrieval needs the positions of the places, which this data lacks; use "
                "UniversityRetrieval"
            )

    def name_of(self, task: str) -> str:
        """Return the name of a task's results."""
        return task if self.official is None else f"{task} [official {self.official}]"

    def per_query(self, chunk: RankedChunk, task: Task) -> dict[str, Tensor]:
        """Return the values ``{name: [q]}`` of some queries, NaN where they are undefined."""
        order = chunk.order[:, : max(self.sdm)].cpu().numpy()
        latlon = task.images.image_latlon
        found = latlon[task.rows.gallery[order]]
        asked = np.broadcast_to(latlon[task.rows.query[chunk.queries]][:, None], found.shape)
        pairs = asked.reshape(-1, 2), found.reshape(-1, 2)
        if self.official is None:
            distance, scale = geodesic_distance_of_pairs(*pairs), SDM_SCALE_M
            first_m = distance.reshape(order.shape)[:, 0]
            hits = {metres: first_m <= metres for metres in self.ma_m}
        else:
            distance, scale = _degrees_apart(*pairs), OFFICIAL_SCALE_DEG
            first_m = _equatorial_haversine_m(asked[:, 0], found[:, 0])
            hits = {metres: first_m < metres for metres in self.ma_m}
        distances = torch.from_numpy(distance.reshape(order.shape))
        values = super().per_query(chunk, task)
        for depth in self.sdm:
            values[f"SDM@{depth}"] = spatial_distance_metric(distances[:, :depth], scale)
        for metres, hit in hits.items():
            values[f"MA@{metres:g}m"] = torch.from_numpy(hit).double()
        return {name: column.to(chunk.order.device) for name, column in values.items()}


def _degrees_apart(asked: Pairs, found: Pairs) -> Pairs:
    """Return the Euclidean distances in degrees of (lat, lon) pairs, computed in float32."""
    difference = found.astype(np.float32) - asked.astype(np.float32)
    degrees: Pairs = np.linalg.norm(difference, axis=1).astype(np.float64)
    return degrees


def _equatorial_haversine_m(asked: Pairs, found: Pairs) -> Pairs:
    """Return the distances in metres on a sphere with the Earth's equatorial radius."""
    on_the_mean_sphere = geodesic_distance_of_pairs(asked, found, "haversine")
    metres: Pairs = on_the_mean_sphere * (EQUATORIAL_RADIUS_M / MEAN_RADIUS_M)
    return metres
