"""The protocol of University-1652: retrieval of the same place."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from geoloc.evaluation import functional
from geoloc.evaluation.ranking import RankedChunk
from geoloc.evaluation.same_place_retrieval import SamePlaceRetrieval, Task
from geoloc.registry import METRICS

TASKS = ("query/drone->gallery/satellite", "query/satellite->gallery/drone")


@METRICS.register_module()
class UniversityRetrieval(SamePlaceRetrieval):
    """R@1, R@5, R@10, R@1% and AP of the same place, in percent (Zheng et al., ACM MM 2020).

    AP is the trapezoidal one of the official code. SUES-200 and DenseUAV are evaluated like this,
    too. The official code counts queries that have no image of their place in the gallery as
    zeros; the data has no such query.

    Args:
        tasks: Directions ``query/view->gallery/view``, see ``task_rows``.
        one_percent: What depth R@1% means, see ``one_percent_depth``; ``round+1`` is the official
            code's.
        options: Those of ``SamePlaceRetrieval``.

    Raises:
        ConfigError: If an option is unknown or out of range.
    """

    def __init__(
        self, tasks: Sequence[str] = TASKS, one_percent: str = "floor", **options: Any
    ) -> None:
        super().__init__(tasks, one_percent, **options)

    def per_query(self, chunk: RankedChunk, task: Task) -> dict[str, Tensor]:
        """Return the values ``{name: [q]}`` of some queries, NaN where they are undefined."""
        relevant: Tensor = chunk.levels >= task.same_place
        precision = functional.trapezoidal_average_precision(relevant)
        return super().per_query(chunk, task) | {"AP": precision}
