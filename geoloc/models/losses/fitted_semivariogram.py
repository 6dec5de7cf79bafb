"""A fitted semivariogram in buffers: checkpointed, and equal on every process."""

import torch
from torch import Tensor

from geoloc.geo.semivariogram import Semivariogram, correlation
from geoloc.geo.semivariogram.correlation import MODELS
from geoloc.models.growing_buffers import GrowingBuffers

_NO_FIT = -1


class FittedSemivariogram(GrowingBuffers):
    """What to expect of a pair at a distance; nothing before the first usable fit.

    Beyond the last bin the curves stay where they are there: pairs of different campuses are
    compared with the farthest pairs of one campus.

    Attributes:
        model: Position of the model in ``MODELS``, int64; -1 without a fit.
        theta: Nugget, partial sill, length scale in km and shape, float64 ``[4]``.
        since: Iteration of the first fit, int64; 0 for one from before the training.
        range_km: Correlated range h*, float64.
        last_km: Last edge of the bins, float64.
        spread_lag_km: Mean distances of the bins that counted, float64 ``[K]``.
        spread: Standard deviations of the dissimilarity there, float64 ``[K]``.
    """

    growing_buffers = ("spread_lag_km", "spread")
    model: Tensor
    theta: Tensor
    since: Tensor
    range_km: Tensor
    last_km: Tensor
    spread_lag_km: Tensor
    spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("model", torch.tensor(_NO_FIT))
        self.register_buffer("since", torch.tensor(0))
        self.register_buffer("theta", torch.zeros(4, dtype=torch.float64))
        for name in ("range_km", "last_km"):
            self.register_buffer(name, torch.zeros((), dtype=torch.float64))
        for name in ("spread_lag_km", "spread"):
            self.register_buffer(name, torch.zeros(0, dtype=torch.float64))

    @property
    def is_fitted(self) -> bool:
        """Whether there is a fit."""
        return int(self.model) != _NO_FIT

    def take(self, semivariogram: Semivariogram) -> bool:
        """Take over a fit; a failed one leaves the last good fit in place.

        Returns:
            Whether the fit was usable.
        """
        curve = semivariogram.curve
        if curve is None or not semivariogram.usable:
            return False
        empirical, filled = semivariogram.empirical, semivariogram.filled
        self.model.fill_(MODELS.index(curve.model))
        theta = (curve.nugget, curve.partial_sill, curve.scale_km, curve.shape)
        self.theta.copy_(torch.tensor(theta, dtype=torch.float64))
        self.range_km.fill_(semivariogram.range_km)
        self.last_km.fill_(float(empirical.edges_km[-1]))
        self.spread_lag_km = empirical.lag_km[filled].to(self.theta)
        self.spread = empirical.spread[filled].to(self.theta)
        return True

    def correlation(self, lag_km: Tensor) -> Tensor:
        """Return r(h) of distances in km, of any shape, in their dtype."""
        scale_km, shape = self.theta[2:].tolist()
        lag = lag_km.clamp(max=float(self.last_km))
        return correlation(MODELS[int(self.model)], lag, scale_km, shape)

    def gamma(self, lag_km: Tensor) -> Tensor:
        """Return the expected dissimilarity at distances in km, of any shape, in their dtype."""
        nugget, partial_sill = self.theta[:2].tolist()
        expected: Tensor = nugget + partial_sill * (1 - self.correlation(lag_km))
        return expected

    def spread_at(self, lag_km: Tensor) -> Tensor:
        """Return the standard deviation there: linear between the bins, constant at the ends."""
        knots, values = self.spread_lag_km.to(lag_km), self.spread.to(lag_km)
        upper = torch.searchsorted(knots, lag_km.contiguous()).clamp(1, len(knots) - 1)
        step = knots[upper] - knots[upper - 1]
        share = ((lag_km - knots[upper - 1]) / step).clamp(0, 1)
        return torch.lerp(values[upper - 1], values[upper], share)
