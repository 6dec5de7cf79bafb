"""A fitted semivariogram: the dissimilarity to expect at a distance."""

import math
from dataclasses import dataclass

import torch
from scipy.optimize import brentq
from torch import Tensor

from geoloc.geo.great_circle import RADIUS_KM
from geoloc.geo.semivariogram.correlation import correlation

_FARTHEST = 1e12  # in length scales; a stable model with a = 0.1 reaches 95 % at 5.8e4


@dataclass(frozen=True)
class Curve:
    r"""The model :math:`\gamma(h) = n + c_0 (1 - r(h))`, with :math:`\gamma(0) = n`.

    Attributes:
        model: Name of r, see :func:`correlation`.
        nugget: n, the dissimilarity of places next to each other.
        partial_sill: c0, what distance adds to it.
        scale_km: l, the length scale in kilometres.
        shape: Power of the stable or smoothness of the Matern model; 1 for the others.
    """

    model: str
    nugget: float
    partial_sill: float
    scale_km: float
    shape: float = 1.0

    def correlation(self, lag_km: Tensor) -> Tensor:
        """Return the spatial correlation at distances in kilometres ``[...]``."""
        return correlation(self.model, lag_km, self.scale_km, self.shape)

    def gamma(self, lag_km: Tensor) -> Tensor:
        """Return the dissimilarity to expect at distances in kilometres ``[...]``."""
        return self.nugget + self.partial_sill * (1 - self.correlation(lag_km))

    def practical_range_km(self, share: float = 0.95) -> float:
        """Return the distance h* with gamma(h*) = n + share * c0, a rule without a scale."""

        def excess(ratio: float) -> float:
            lag = torch.tensor(ratio, dtype=torch.float64)
            return float(correlation(self.model, lag, 1.0, self.shape)) - (1 - share)

        upper = 1.0
        while excess(upper) > 0 and upper < _FARTHEST:
            upper *= 2
        return self.scale_km * float(brentq(excess, 0.0, upper, xtol=1e-12))

    def slope_range_km(self, slope_per_rad: float = 1e-2, step_rad: float = 1e-2) -> float:
        """Return where the curve has become flat, by the rule of the thesis.

        Known (thesis code): the first point of a grid over the globe at which the forward
        difference falls below the slope. Changed: only points beyond the steepest one count. A
        curve with a > 1 starts flat, and the original rule then finds a range of 0.

        Args:
            slope_per_rad: Slope in units of gamma per radian of the great circle.
            step_rad: Step of the grid in radians; the rule suits data of the whole globe only.

        Returns:
            Kilometres; half the Earth's circumference if the curve never becomes flat.
        """
        grid = torch.arange(0, math.pi, step_rad, dtype=torch.float64)
        slope = self.gamma(grid * RADIUS_KM).diff() / step_rad
        flat = slope < slope_per_rad
        flat[: int(slope.argmax())] = False
        first = int(flat.to(torch.int8).argmax()) if bool(flat.any()) else None
        return RADIUS_KM * (math.pi if first is None else float(grid[first]))
