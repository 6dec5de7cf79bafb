"""The empirical semivariogram: one point per bin of distance."""

from dataclasses import dataclass

import torch
from torch import Tensor

from geoloc.geo.semivariogram.estimators import dowd, median


@dataclass(frozen=True)
class Empirical:
    """What was measured in each of K bins; NaN in a bin without pairs.

    Attributes:
        edges_km: Edges of the bins, float64 ``[K + 1]``, half-open to the right.
        lag_km: Mean distance of the pairs, float64 ``[K]``: not the middle of the bin.
        gamma: The estimate, float64 ``[K]``.
        spread: Standard deviation of the dissimilarity, float64 ``[K]`` (known: the thesis stores
            it and does not use it).
        count: Pairs, float64 ``[K]``; a running mean makes it fractional.
    """

    edges_km: Tensor
    lag_km: Tensor
    gamma: Tensor
    spread: Tensor
    count: Tensor

    @property
    def pairs(self) -> float:
        """The number of pairs in all bins."""
        return float(self.count.sum())


def with_medians(
    empirical: Empirical, lag_km: Tensor, dissimilarity: Tensor, estimator: str
) -> Empirical:
    """Replace the estimate of every bin by one from the median of its pairs.

    Args:
        empirical: Made from the same pairs.
        lag_km: Distances of the pairs ``[P]``.
        dissimilarity: Their d = x^2 / 2 ``[P]``.
        estimator: ``'dowd'`` for scalar data or ``'median'``.
    """
    estimate = {"dowd": dowd, "median": median}[estimator]
    place = torch.bucketize(lag_km.double(), empirical.edges_km, right=True) - 1
    x = (2 * dissimilarity.double().clamp_min(0)).sqrt()
    bins = range(len(empirical.count))
    gamma = torch.stack([estimate(x[place == k]) for k in bins])
    return Empirical(empirical.edges_km, empirical.lag_km, gamma, empirical.spread, empirical.count)
