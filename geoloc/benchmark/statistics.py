"""What several seeds say: mean, interval, and how alike two orderings are."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class Estimate(NamedTuple):
    """A number measured with several seeds.

    Attributes:
        values: One per seed, in the order of the seeds.
        mean: Their mean.
        low: Lower end of the 95 % interval of the mean; None with a single seed.
        high: Its upper end.
    """

    values: tuple[float, ...]
    mean: float
    low: float | None
    high: float | None


def estimate(values: Sequence[float]) -> Estimate:
    """Return mean and 95 % interval of values that differ by their seed.

    The interval is Student's: ``mean -+ t s / sqrt(n)`` with n - 1 degrees of freedom. With three
    seeds t is 4.3, so that such an interval is wide, and rightly so.

    Args:
        values: At least one.
    """
    seeds = tuple(map(float, values))
    mean = float(np.mean(seeds))
    if len(seeds) < 2:
        return Estimate(seeds, mean, None, None)
    quantile = stats.t.ppf(0.975, len(seeds) - 1)
    half = float(quantile * np.std(seeds, ddof=1) / np.sqrt(len(seeds)))
    return Estimate(seeds, mean, mean - half, mean + half)


class RankCorrelation(NamedTuple):
    """How alike two orderings of the same methods are.

    Attributes:
        methods: Number of methods that both have.
        kendall: Kendall's tau-b in -1 .. 1; NaN where all are equal, and for fewer than
            three, which are always in the same order or the opposite one.
        p_value: Probability of a tau at least as far from 0 for unrelated orderings.
        spearman: Spearman's rho in -1 .. 1.
    """

    methods: int
    kendall: float
    p_value: float
    spearman: float


def rank_correlation(ours: Sequence[float], theirs: Sequence[float]) -> RankCorrelation:
    """Compare two orderings.

    Args:
        ours: A number per method.
        theirs: Another one, of the same methods in the same order.
    """
    if len(ours) < 3 or min(len(set(ours)), len(set(theirs))) < 2:
        return RankCorrelation(len(ours), float("nan"), float("nan"), float("nan"))
    kendall = stats.kendalltau(ours, theirs)
    spearman = stats.spearmanr(ours, theirs)
    return RankCorrelation(
        len(ours), float(kendall.statistic), float(kendall.pvalue), float(spearman.statistic)
    )
