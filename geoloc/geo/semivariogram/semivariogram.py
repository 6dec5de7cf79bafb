"""The semivariogram of visual features: points, curve, and whether the curve can be used."""

import warnings
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.geo.semivariogram.curve import Curve
from geoloc.geo.semivariogram.empirical import Empirical
from geoloc.geo.semivariogram.failure import (
    MIN_BINS,
    MIN_CONTRAST,
    MIN_PAIRS,
    MIN_R2,
    USABLE,
    Status,
    fault_of,
    filled_bins,
)
from geoloc.geo.semivariogram.fitting import fit_curve

RANGE_RULES = ("practical", "slope")


@dataclass(frozen=True)
class Semivariogram:
    """An empirical semivariogram and the curve fitted to it.

    Attributes:
        empirical: The points, also of bins that were too empty to count.
        filled: Which bins counted, bool ``[K]``.
        status: ``'ok'``; ``'range_at_bound'``, which is a warning; or why there is no curve:
            ``'too_few_bins'``, ``'flat'``, ``'poor_fit'``.
        curve: The curve, None if the status is a failure.
        range_km: Correlated range h*, NaN without a curve.
        r2: Weighted share of the variance of the points that the curve explains, NaN without.
        estimator: How the points were estimated.
    """

    empirical: Empirical
    filled: Tensor
    status: Status
    curve: Curve | None = None
    range_km: float = float("nan")
    r2: float = float("nan")
    estimator: str = "matheron"

    @property
    def usable(self) -> bool:
        """Whether there is a curve to work with."""
        return self.curve is not None and self.status in USABLE

    def summary(self) -> str:
        """Return the fit in a line."""
        pairs = f"{self.empirical.pairs:.6g} pairs in {int(self.filled.sum())} bins"
        if self.curve is None:
            return f"status {self.status}, {pairs}: no curve"
        curve = self.curve
        shape = f", shape {curve.shape:.3g}" if curve.model in ("stable", "matern") else ""
        return (
            f"status {self.status}, {pairs}: {curve.model}, nugget {curve.nugget:.4g}, partial "
            f"sill {curve.partial_sill:.4g}, length scale {curve.scale_km:.4g} km{shape}, range "
            f"{self.range_km:.4g} km, R2 {self.r2:.3f}"
        )


def check_range_rule(range_rule: str) -> None:
    """Refuse an unknown rule.

    Raises:
        ConfigError: If it is none of ``RANGE_RULES``.
    """
    if range_rule not in RANGE_RULES:
        raise ConfigError(f"range_rule={range_rule!r} must be one of {', '.join(RANGE_RULES)}.")


def fit_semivariogram(
    empirical: Empirical,
    model: str = "auto",
    weights: str = "cressie",
    range_rule: str = "practical",
    min_pairs: float = MIN_PAIRS,
    min_bins: int = MIN_BINS,
    min_contrast: float = MIN_CONTRAST,
    estimator: str = "matheron",
) -> Semivariogram:
    """Fit a curve, or tell why there is none; data never raise, so that a training goes on.

    Args:
        empirical: The points.
        model: See :func:`fit_curve`.
        weights: See :func:`fit_curve`.
        range_rule: ``'practical'``: where the curve has risen by 95 % of its partial sill
            (inferred); ``'slope'``: where it has become flat (thesis), for data of the globe.
        min_pairs: Pairs that a bin must have to count.
        min_bins: Bins that must count.
        min_contrast: Least relative rise, see :func:`fault_of`.
        estimator: The estimator of the points, to remember.

    Raises:
        ConfigError: If model, weights or rule are unknown.
    """
    check_range_rule(range_rule)
    filled = filled_bins(empirical, min_pairs)
    if (fault := fault_of(empirical, min_pairs, min_bins, min_contrast)) is not None:
        return Semivariogram(empirical, filled, fault, estimator=estimator)
    columns = (empirical.lag_km, empirical.gamma, empirical.count)
    lag, gamma, count = (np.asarray(column[filled].cpu()) for column in columns)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scipy's, about a covariance that nobody asks for
            fit = fit_curve(lag, gamma, count, model, weights)
    except RuntimeError:
        return Semivariogram(empirical, filled, "poor_fit", estimator=estimator)
    if not fit.r2 >= MIN_R2:
        return Semivariogram(empirical, filled, "poor_fit", r2=fit.r2, estimator=estimator)
    status: Status = "range_at_bound" if fit.at_bound else "ok"
    slope = range_rule == "slope"
    range_km = fit.curve.slope_range_km() if slope else fit.curve.practical_range_km()
    return Semivariogram(empirical, filled, status, fit.curve, range_km, fit.r2, estimator)
