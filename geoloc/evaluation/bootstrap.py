"""Statistics of per-query values: of the sample itself, and of its bootstrap replicates.

Both kinds have the same methods, so that whatever summarises a sample gives its interval too.
"""

from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoloc.errors import ConfigError

REPLICATES = 1000
SEED = 0
CONFIDENCE = 0.95
RESAMPLES = ("place", "query")
VALUES_PER_BLOCK = 2**20

Floats = NDArray[np.float64]
T = TypeVar("T", float, Floats)
T_co = TypeVar("T_co", float, Floats, covariant=True)


class Statistics(Protocol[T_co]):
    """Means and medians of values ``[Q]``, over the queries that have one (not NaN)."""

    def mean(self, values: Tensor) -> T_co:
        """Return the mean."""

    def median(self, values: Tensor) -> T_co:
        """Return the median."""


class Sample:
    """The statistics of the values as they are."""

    def mean(self, values: Tensor) -> float:
        """Return the mean of ``values [Q]``; NaN if no query has one."""
        return float(values.nanmean())

    def median(self, values: Tensor) -> float:
        """Return the median of ``values [Q]``; NaN if no query has one."""
        return float(values.nanquantile(0.5))


class Bootstrap:
    """The statistics of samples drawn from the queries with replacement (Efron, 1979).

    Whole groups are drawn. Queries that show the same place fail together; as single draws they
    would pass for independent evidence, and the intervals would come out too narrow.

    Args:
        groups: Group of every query, int64 ``[Q]``; every query its own for the plain bootstrap.
        replicates: B, the number of samples.
        seed: Seed of the draws.
    """

    def __init__(self, groups: Tensor, replicates: int = REPLICATES, seed: int = SEED) -> None:
        names, group = np.unique(groups.numpy(), return_inverse=True)
        self.group: NDArray[np.int64] = group
        generator = np.random.default_rng(seed)
        # how often each group is in a sample, [B, groups]; 2 bytes each, as there can be many
        self.draws = np.empty((replicates, len(names)), np.uint16)
        for row in self.draws:
            drawn = generator.integers(len(names), size=len(names))
            row[:] = np.bincount(drawn, minlength=len(names))

    def mean(self, values: Tensor) -> Floats:
        """Return the mean of ``values [Q]`` in every replicate, float64 ``[B]``."""
        known = ~values.isnan().numpy()
        group, groups = self.group[known], self.draws.shape[1]
        total = np.bincount(group, values.double().numpy()[known], minlength=groups)
        count = np.bincount(group, minlength=groups)
        # numpy's own sums, not BLAS's, whose last bits depend on the number of threads
        sums = [
            np.stack([(draws * total).sum(axis=1), (draws * count).sum(axis=1)])
            for draws in self._blocks(groups)
        ]
        numerator, denominator = np.concatenate(sums, axis=1)
        mean: Floats = np.divide(
            numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0
        )
        return mean

    def median(self, values: Tensor) -> Floats:
        """Return the (lower) median of ``values [Q]`` in every replicate, float64 ``[B]``."""
        known = np.flatnonzero(~values.isnan().numpy())
        if not known.size:
            return np.full(len(self.draws), np.nan)
        numbers = values.double().numpy()
        order = known[np.argsort(numbers[known], kind="stable")]
        medians = []
        for draws in self._blocks(len(order)):
            reached = draws[:, self.group[order]].cumsum(axis=1, dtype=np.int64)
            half = (2 * reached >= reached[:, -1:]).argmax(axis=1)
            medians.append(np.where(reached[:, -1] > 0, numbers[order][half], np.nan))
        return np.concatenate(medians)

    def _blocks(self, width: int) -> list[NDArray[np.uint16]]:
        """Return the draws in runs of replicates that make arrays of bounded size."""
        step = max(1, VALUES_PER_BLOCK // max(1, width))
        return [self.draws[start : start + step] for start in range(0, len(self.draws), step)]


def interval(replicates: Floats, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the percentile interval of a statistic's replicates.

    Args:
        replicates: float64 ``[B]``; NaN where a sample gave no value.
        confidence: Share of the replicates inside.

    Returns:
        Lower and upper end; NaN if there is no value.
    """
    known = replicates[~np.isnan(replicates)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def resampled_groups(place: Tensor, resample: str) -> Tensor:
    """Return the groups that the bootstrap draws: queries of one place, or single queries.

    Args:
        place: Place label of every query, int64 ``[Q]``.
        resample: ``place`` or ``query``.
    """
    return place if resample == "place" else torch.arange(len(place))


def check_resample(resample: str) -> None:
    """Check what the bootstrap is to draw.

    Raises:
        ConfigError: If it is unknown.
    """
    if resample not in RESAMPLES:
        raise ConfigError(f"resample={resample!r} must be one of {', '.join(RESAMPLES)}")
