"""The released DyCL code's evaluation with its bugs, to compare with the paper's tables.

Its bugs keep the names D2, D6, D7 and D8 in ``docs/official_evaluation.md``, which shows the effect
of each. Nothing here is used unless ``official="dycl"`` asks for it.
"""

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from geoloc.datasets.place_levels import DENSE_PLACES, DistanceLevels, PlaceLevels
from geoloc.errors import ConfigError
from geoloc.evaluation.bootstrap import Sample
from geoloc.evaluation.ranking import RankedChunk
from geoloc.evaluation.scoring import Scoring

CHUNK_ROWS = 128  # queries at a time: rows of the level matrix, and queries of a mean


class OfficialDyCL(Scoring):
    """The scoring of the released code: D2, D6, D7 and D8 together.

    A false match of D2 counts as a match at every scale, while the relevances of H-AP come from the
    correct levels. D7: the last item of every ranking is dropped.

    Args:
        levels: The correct levels between places, from distances.
        metrics: As for ``Scoring``.
        place_latlon: As for ``Scoring``.

    Raises:
        ConfigError: If the levels are not a table of distances between all places, or a metric
            is unknown.
    """

    def __init__(
        self,
        levels: PlaceLevels,
        metrics: Sequence[str],
        place_latlon: NDArray[Any] | None = None,
    ) -> None:
        super().__init__(chunked_levels(levels), metrics, place_latlon)
        self.correct = levels

    def per_query(self, chunk: RankedChunk) -> dict[str, Tensor]:
        """Return the values of some queries; recall is 0 where no item is relevant."""
        kept = chunk.levels[:, :-1]
        values = self.columns(chunk, kept)
        if "H-AP" in values:
            correct = self.correct(chunk.query_place, chunk.gallery_place)
            steps = range(self.levels.highest + 1)
            count = torch.stack([correct.eq(step).sum(dim=1) for step in steps], dim=1)
            values["H-AP"] = value_matched_hap(kept, count)
        recalls = (name for name in values if name.startswith("R@"))
        return values | {name: values[name].nan_to_num(0) for name in recalls}


class BatchStatistics(Sample):
    """The statistics of the code: D8 for the means."""

    def mean(self, values: Tensor) -> float:
        """Return the weighted mean of the means of batches."""
        return batch_mean(values)


def chunked_levels(levels: PlaceLevels, chunk_rows: int = CHUNK_ROWS) -> DistanceLevels:
    """Return the level matrix with the false matches of D2.

    The code fills the matrix some rows at a time and takes "row of the chunk = column" for the
    diagonal: from the second chunk on, entry ``(i, i mod chunk_rows)`` is a false level L.

    Args:
        levels: The correct levels, from distances.
        chunk_rows: Rows at a time: 128 in the test of the code, 80 in its training.

    Raises:
        ConfigError: If the levels are not a table of distances between all places.
    """
    if not isinstance(levels, DistanceLevels):
        raise ConfigError(
            'official="dycl" needs a table of levels from distances; this dataset has a tree of '
            f"labels or more than {DENSE_PLACES} places, leave official out"
        )
    table = levels.table.clone()
    row = torch.arange(min(chunk_rows, len(table)), len(table))
    table[row, row % chunk_rows] = levels.highest
    return DistanceLevels(table, levels.highest)


def value_matched_hap(levels: Tensor, count: Tensor) -> Tensor:
    """Return the H-AP of the code per query (D6), which can exceed 1.

    An item is counted for every level whose relevance has the value of the item's own; with
    relevances r / count_r two levels share a value wherever, say, count_2 = 2 count_1.

    Args:
        levels: Ranked levels ``[Q, N]`` in ``0 .. L``.
        count: Number of gallery items of each level ``[Q, L + 1]``, in all rather than ranked.

    Returns:
        float64 ``[Q]``, NaN without a relevant item.
    """
    steps = torch.arange(count.shape[1], dtype=torch.float64, device=levels.device)
    relevance = torch.where(count > 0, steps / count, 0)
    own = relevance.gather(1, levels.long())
    common = torch.zeros_like(own)
    for value in relevance.unbind(dim=1):
        same = (own == value[:, None]).cumsum(dim=1)
        common += torch.minimum(own, value[:, None]) * same
    rank = torch.arange(1, levels.shape[1] + 1, dtype=torch.float64, device=levels.device)
    return (common / rank).sum(dim=1) / own.sum(dim=1)


def batch_mean(values: Tensor, batch_size: int = CHUNK_ROWS) -> float:
    """Return the mean over the queries as the code takes it (D8).

    It averages the means of batches, weighted by their sizes, and leaves out every batch whose
    mean is not finite: one query without a relevant item discards its whole batch.

    Args:
        values: One value per query ``[Q]``, in the order of the dataset.
        batch_size: Queries per batch.

    Returns:
        The mean; NaN if no batch is left.
    """
    batches = torch.split(values, batch_size)
    means = torch.stack([batch.mean() for batch in batches])
    sizes = torch.tensor([len(batch) for batch in batches], dtype=means.dtype)
    kept = means.isfinite()
    return float((means * sizes)[kept].sum() / sizes[kept].sum())
