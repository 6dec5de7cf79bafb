"""When an empirical semivariogram is no basis for a fit."""

import math
from typing import Literal

import torch
from torch import Tensor

from geoloc.geo.semivariogram.empirical import Empirical

Status = Literal["ok", "flat", "too_few_bins", "poor_fit", "range_at_bound"]
USABLE: tuple[Status, ...] = ("ok", "range_at_bound")  # the second is only a warning

MIN_PAIRS = 30
MIN_BINS = 5
MIN_CONTRAST = 0.02
MIN_R2 = 0.2


def filled_bins(empirical: Empirical, min_pairs: float = MIN_PAIRS) -> Tensor:
    """Return which bins have enough pairs to count, bool ``[K]``."""
    finite = empirical.gamma.isfinite() & empirical.lag_km.isfinite()
    return finite & (empirical.count >= min_pairs)


def fault_of(
    empirical: Empirical,
    min_pairs: float = MIN_PAIRS,
    min_bins: int = MIN_BINS,
    min_contrast: float = MIN_CONTRAST,
) -> Status | None:
    """Return why no curve should be fitted, or None (thresholds: inferred).

    Args:
        empirical: The points.
        min_pairs: Pairs that a bin must have.
        min_bins: Bins that must have them, else ``'too_few_bins'``.
        min_contrast: The last third of the bins must lie so much above the first, relative to the
            last, and by 3 standard errors; else ``'flat'``, which a falling curve is too.
    """
    filled = filled_bins(empirical, min_pairs)
    if int(filled.sum()) < min_bins:
        return "too_few_bins"
    value, error = contrast(
        empirical.gamma[filled], empirical.spread[filled], empirical.count[filled]
    )
    return "flat" if value < max(min_contrast, 3 * error) else None


def contrast(gamma: Tensor, spread: Tensor, count: Tensor) -> tuple[float, float]:
    """Return how much the last third of the bins lies above the first, and its standard error.

    Both are relative to the last third; means weigh the bins by their pairs. The error takes the
    pairs for independent.

    Args:
        gamma: Estimates of the filled bins by ascending distance ``[K]``.
        spread: Standard deviations; NaN where unknown, which adds no error.
        count: Pairs.
    """
    third = math.ceil(len(gamma) / 3)
    means, variances = [], []
    for part in (slice(None, third), slice(-third, None)):
        pairs = count[part]
        means.append((gamma[part] * pairs).sum() / pairs.sum())
        variance = (spread[part].square() * pairs).nansum() / pairs.sum().square()
        variances.append(variance)
    near, far = means
    error = torch.stack(variances).sum().sqrt()
    return float((far - near) / far.abs()), float(error / far.abs())
