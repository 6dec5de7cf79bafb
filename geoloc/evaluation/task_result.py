"""What the evaluation of one task yields."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from geoloc.evaluation.bootstrap import Bootstrap, Sample, interval, resampled_groups

Columns = Mapping[str, Tensor]


class TaskResult(NamedTuple):
    """The metrics of a task and where they come from.

    Attributes:
        metrics: By name, in percent, or in metres where the name says so; and the numbers of
            queries.
        intervals: 95 % bootstrap interval of the metrics that have one, ``(low, high)``.
        per_query: Every query's own value by name, ``[Q]``, as fractions or metres; NaN where it
            is undefined.
        query: Rows of the index that were asked about, int64 ``[Q]``.
    """

    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    per_query: dict[str, Tensor]
    query: NDArray[np.int64]


def task_result(
    columns: dict[str, Tensor],
    summarise: Callable[[Columns, Any], dict[str, Any]],
    counts: Mapping[str, int],
    query: NDArray[np.int64],
    place: Tensor,
    resample: str,
) -> TaskResult:
    """Summarise the values of the queries, with intervals.

    Args:
        columns: Value of every query by name, ``{name: [Q]}``.
        summarise: Gives the metrics from the columns and their ``Statistics``.
        counts: Numbers of queries by name.
        query: Rows of the index that were asked about, int64 ``[Q]``.
        place: Place label of every query, int64 ``[Q]``.
        resample: What the bootstrap draws: ``place``, all queries of a place together, or
            ``query``.
    """
    replicates = summarise(columns, Bootstrap(resampled_groups(place, resample)))
    intervals = {name: interval(values) for name, values in replicates.items()}
    return TaskResult(summarise(columns, Sample()) | dict(counts), intervals, columns, query)


def percent(columns: Columns, statistics: Any) -> dict[str, Any]:
    """Return the mean of each metric in percent over the queries that have a value."""
    return {name: 100 * statistics.mean(values) for name, values in columns.items()}
