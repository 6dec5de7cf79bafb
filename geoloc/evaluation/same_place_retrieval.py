"""What the pair benchmarks have in common: is the image of the same place among the first K?"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

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
from geoloc.evaluation.task_result import Columns, TaskResult, percent, task_result

RECALL_DEPTHS = (1, 5, 10)
JUNK = -1


class Task(NamedTuple):
    """What the metrics of a task need beside the ranking.

    Attributes:
        images: The test images.
        rows: Those of the task, junk left out of the gallery.
        same_place: Level of an image of the same place.
        one_percent: The depth that R@1% means.
        nearby: Levels that are 1 within the radius; None without one.
    """

    images: Index
    rows: TaskRows
    same_place: int
    one_percent: int
    nearby: PlaceLevels | None


class SamePlaceRetrieval(DescriptorMetric):
    """R@K and R@1% of the same place, in percent.

    Gallery images of place -1 are junk and left out of the gallery. The means go over the queries
    that have an image of their place in the gallery; the others are counted as
    ``queries_without_relevant``.

    Args:
        tasks: Directions ``query->gallery`` or ``split/view->split/view``, see ``task_rows``.
        one_percent: What depth R@1% means, see ``one_percent_depth``.
        depths: The K of R@K.
        radius_m: Also compute every recall of whatever lies within so many metres (<=), as
            ``R@K/<radius>m``; None does not.
        options: Those of ``DescriptorMetric``.

    Raises:
        ConfigError: If ``one_percent`` is unknown, or a depth or the radius is not positive.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        one_percent: str = "floor",
        depths: Sequence[int] = RECALL_DEPTHS,
        radius_m: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if one_percent not in functional.ONE_PERCENT:
            raise ConfigError(
                f"one_percent={one_percent!r} must be one of {', '.join(functional.ONE_PERCENT)}"
            )
        if not depths or min(depths) < 1:
            raise ConfigError(f"depths={tuple(depths)} must be numbers of images, 1 or more")
        if radius_m is not None and not radius_m > 0:
            raise ConfigError(f"radius_m={radius_m} must be a positive distance in metres or None")
        self.tasks = tuple(tasks)
        self.one_percent = one_percent
        self.depths = tuple(depths)
        self.radius_m = radius_m

    def measure_ranking(
        self,
        descriptors: Tensor,
        index: Index,
        thresholds_m: Sequence[float],
        reranker: Reranker | None = None,
    ) -> dict[str, TaskResult]:
        """Compute the metrics of every task, arguments as in ``DescriptorMetric``.

        Raises:
            DatasetError: If a gallery is all junk.
            ConfigError: If there is a radius, but the places have no positions.
        """
        check_descriptors(descriptors, index)
        self.check_index(index)
        levels = place_levels(index, thresholds_m)
        nearby = None if self.radius_m is None else place_levels(index, (self.radius_m,))
        return {
            self.name_of(task): self._measure_task(
                descriptors, levels, self._task(index, levels, nearby, task), reranker
            )
            for task in self.tasks
        }

    def check_index(self, index: Index) -> None:
        """Check that the test images have what the metrics need.

        Raises:
            ConfigError: If they do not.
        """
        if self.radius_m is not None and not index.has_positions:
            raise ConfigError(
                f"{type(self).__name__} radius_m={self.radius_m:g} needs the positions of the "
                "places, which this data lacks; leave it out"
            )

    def name_of(self, task: str) -> str:
        """Return the name of a task's results."""
        return task

    def per_query(self, chunk: RankedChunk, task: Task) -> dict[str, Tensor]:
        """Return the values ``{name: [q]}`` of some queries, NaN where they are undefined."""
        recalls = self._recalls(chunk.levels >= task.same_place, task.one_percent)
        if task.nearby is None:
            return recalls
        nearby = task.nearby(chunk.query_place, chunk.gallery_place).gather(1, chunk.order)
        within = self._recalls(nearby > 0, task.one_percent)
        return recalls | {f"{name}/{self.radius_m:g}m": each for name, each in within.items()}

    def summarise(self, columns: Columns, statistics: Any) -> dict[str, Any]:
        """Return the metrics from the values of the queries and their ``Statistics``."""
        return percent(columns, statistics)

    def _recalls(self, relevant: Tensor, one_percent: int) -> dict[str, Tensor]:
        depths = {f"R@{depth}": depth for depth in self.depths} | {"R@1%": one_percent}
        return {name: functional.recall_at_k(relevant, depth) for name, depth in depths.items()}

    def _task(
        self, index: Index, levels: PlaceLevels, nearby: PlaceLevels | None, name: str
    ) -> Task:
        query, gallery = task_rows(name, index)
        rows = TaskRows(query, gallery[index.place[gallery] != JUNK])
        if not rows.gallery.size:
            raise DatasetError(f"task {name!r}: all images of the gallery are junk (place {JUNK})")
        one_percent = functional.one_percent_depth(len(rows.gallery), self.one_percent)
        return Task(index, rows, levels.highest, one_percent, nearby)

    def _measure_task(
        self,
        descriptors: Tensor,
        levels: PlaceLevels,
        task: Task,
        reranker: Reranker | None,
    ) -> TaskResult:
        index, rows = task.images, task.rows
        if task.nearby is not None:
            task = task._replace(nearby=task.nearby.to(descriptors.device))
        metrics = partial(self.per_query, task=task)
        exclude = identical_items(rows, index)
        columns = metrics_per_query(descriptors, index, levels, rows, metrics, exclude, reranker)
        without = int(columns[f"R@{self.depths[0]}"].isnan().sum())
        counts = {"queries": len(rows.query), "queries_without_relevant": without}
        place = torch.from_numpy(index.place_labels[rows.query])
        return task_result(columns, self.summarise, counts, rows.query, place, self.resample)
