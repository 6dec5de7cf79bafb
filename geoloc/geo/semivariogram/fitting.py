"""Weighted least squares of a semivariogram model."""

import math
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from geoloc.errors import ConfigError
from geoloc.geo.semivariogram.correlation import WITH_SHAPE, check_model
from geoloc.geo.semivariogram.curve import Curve

Array = NDArray[np.float64]

WEIGHTS = ("cressie", "counts", "counts/h2", "none")
# What `auto` chooses among, with the shape that is held fixed; Matern 1/2 is the exponential.
CANDIDATES: tuple[tuple[str, float | None], ...] = (
    ("exponential", None),
    ("spherical", None),
    ("stable", None),
    ("matern", 1.5),
)
_STARTS = (1.0, 0.3, 3.0)  # of the length scale, in half-rise distances
_MAX_EVALUATIONS = 5000
_AT_BOUND = 0.99


class Fit(NamedTuple):
    """A fitted curve and how good it is.

    Attributes:
        curve: The model.
        r2: Weighted share of the variance that it explains.
        aic: ``K log(WSS / K) + 2 p`` with the weighted sum of squares of K bins and p parameters.
        at_bound: Whether the length scale is at its upper bound.
    """

    curve: Curve
    r2: float
    aic: float
    at_bound: bool


class _Problem(NamedTuple):
    lag: Array
    gamma: Array
    model: str
    shape: float | None  # held fixed; None fits it, if the model has one
    upper: Array  # of (n, c0, l[, shape])
    lower: Array

    @property
    def fits_shape(self) -> bool:
        return self.shape is None and self.model in WITH_SHAPE

    def curve(self, theta: Array) -> Curve:
        nugget, partial_sill, scale, *shape = (float(value) for value in theta)
        fixed = 1.0 if self.shape is None else self.shape
        return Curve(self.model, nugget, partial_sill, scale, shape[0] if shape else fixed)

    def values(self, theta: Array) -> Array:
        values: Array = self.curve(theta).gamma(torch.from_numpy(self.lag)).numpy()
        return values


def check_fitting(model: str = "auto", weights: str | Array = "cressie") -> None:
    """Refuse what :func:`fit_curve` does not know.

    Raises:
        ConfigError: If the model or the weights are unknown.
    """
    if isinstance(weights, str) and weights not in WEIGHTS:
        raise ConfigError(f"weights={weights!r} must be one of {', '.join(WEIGHTS)} or an array.")
    if model != "auto":
        check_model(model)


def fit_curve(
    lag_km: Array,
    gamma: Array,
    count: Array,
    model: str = "auto",
    weights: str | Array = "cressie",
    shape: float | None = None,
    upper: tuple[float, float, float] | None = None,
) -> Fit:
    r"""Fit a model to the points of an empirical semivariogram.

    Minimises :math:`\sum_k w_k (\gamma_k - \gamma(h_k))^2`. Known (thesis): the unweighted stable
    model. Inferred: everything else, in particular Cressie's weights (1985) as the default.

    Args:
        lag_km: Mean distances of the bins, float64 ``[K]``, all finite.
        gamma: Their estimates ``[K]``.
        count: Their pairs ``[K]``.
        model: A model, or ``'auto'`` for the one of ``CANDIDATES`` with the lowest AIC.
        weights: ``'cressie'``: N / gamma(h)^2 in a second pass after one with N; ``'counts'``: N;
            ``'counts/h2'``: N / h^2; ``'none'``; or an array ``[K]``.
        shape: Shape parameter to hold fixed; None fits it.
        upper: Upper bounds of nugget, partial sill and length scale in km; None for the largest
            gamma, twice that, and twice the largest distance.

    Raises:
        ConfigError: If the model or the weights are unknown.
        RuntimeError: If no fit converges to finite parameters.
    """
    check_fitting(model, weights)
    if model == "auto":
        return _choose_model(lag_km, gamma, count, weights, upper)
    problem = _problem(lag_km, gamma, model, shape, upper)
    known = _weights(weights, lag_km, count)
    theta = _solve(problem, known)
    if isinstance(weights, str) and weights == "cressie":
        known = count / np.maximum(problem.values(theta), 1e-12) ** 2
        theta = _solve(problem, known)
    return _judge(problem, theta, known)


def _choose_model(
    lag: Array,
    gamma: Array,
    count: Array,
    weights: str | Array,
    upper: tuple[float, float, float] | None,
) -> Fit:
    fits = []
    for model, shape in CANDIDATES:
        with suppress(RuntimeError):
            fits.append(fit_curve(lag, gamma, count, model, weights, shape, upper))
    if not fits:
        raise RuntimeError("no model could be fitted")
    return min(fits, key=lambda fit: fit.aic)


def _problem(
    lag: Array,
    gamma: Array,
    model: str,
    shape: float | None,
    upper: tuple[float, float, float] | None,
) -> _Problem:
    top = max(float(gamma.max()), 1e-9)
    bounds = list(upper or (top, 2 * top, 2 * float(lag.max())))
    lowest = [0.0, 0.0, min(max(float(lag.min()) * 1e-3, 1e-9), bounds[2] / 2)]
    if shape is None and model in WITH_SHAPE:
        lowest.append(WITH_SHAPE[model][0])
        bounds.append(WITH_SHAPE[model][1])
    return _Problem(lag, gamma, model, shape, np.array(bounds), np.array(lowest))


def _weights(weights: str | Array, lag: Array, count: Array) -> Array:
    if not isinstance(weights, str):
        return weights
    if weights == "counts/h2":
        near_first: Array = count / np.maximum(lag, 1e-9) ** 2
        return near_first
    return np.ones_like(count) if weights == "none" else count  # also of Cressie's first pass


def _solve(problem: _Problem, weights: Array) -> Array:
    """Return the parameters of the best of three starts."""
    lag, gamma = problem.lag, problem.gamma
    nugget = float(gamma[np.argsort(lag)[:3]].mean())
    top = float(gamma.max())
    risen = lag[gamma >= (nugget + top) / 2]
    half = float(risen.min()) if len(risen) else float(lag.mean())
    scaling = [max(top, 1e-9), max(top, 1e-9), float(lag.max())] + [1.0] * problem.fits_shape
    sigma = 1 / np.sqrt(np.maximum(weights, 1e-300))
    best: Array | None = None
    lowest = math.inf
    for factor in _STARTS:
        start = np.array([nugget, top - nugget, factor * half] + [1.0] * problem.fits_shape)
        width = problem.upper - problem.lower
        inside = np.clip(start, problem.lower + 1e-6 * width, problem.upper - 1e-6 * width)
        try:
            theta: Array = curve_fit(
                lambda _, *theta: problem.values(np.array(theta)),
                lag,
                gamma,
                inside,
                sigma,
                bounds=(problem.lower, problem.upper),
                method="trf",
                x_scale=scaling,
                max_nfev=_MAX_EVALUATIONS,
                ftol=1e-12,
                xtol=1e-12,
                gtol=1e-12,
            )[0]
        except (RuntimeError, ValueError):  # not converged; a residual that is not finite
            continue
        cost = float((weights * (gamma - problem.values(theta)) ** 2).sum())
        if np.isfinite(theta).all() and cost < lowest:
            best, lowest = theta, cost
    if best is None:
        raise RuntimeError(f"the {problem.model} model could not be fitted")
    return best


def _judge(problem: _Problem, theta: Array, weights: Array) -> Fit:
    gamma, bins = problem.gamma, len(problem.gamma)
    wss = float((weights * (gamma - problem.values(theta)) ** 2).sum())
    mean = float((weights * gamma).sum() / weights.sum())
    total = float((weights * (gamma - mean) ** 2).sum())
    r2 = 1 - wss / total if total > 0 else -math.inf
    aic = bins * math.log(max(wss, 1e-300) / bins) + 2 * len(theta)
    at_bound = bool(theta[2] >= _AT_BOUND * problem.upper[2])
    return Fit(problem.curve(theta), r2, aic, at_bound)
