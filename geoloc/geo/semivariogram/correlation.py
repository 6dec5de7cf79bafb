r"""Spatial correlation r(h) of the semivariogram models gamma(h) = n + c0 (1 - r(h)).

Every model has a length scale l. The parametrisations of other libraries are
``l = rho / 3^(1/a)`` (exponential a=1, Gaussian a=2, stable) for the effective range rho of
scikit-gstat, ``l = 2 L / sqrt(pi)`` for the Gaussian len_scale L of GSTools, and
``l = sqrt(2) rho / 4`` and ``l = sqrt(2) L`` for their Matern models (measured).

Gaussian, stable with a > 1 and Matern with nu > 1/2 are not positive definite under great-circle
distance on the sphere. That matters for kriging, which nobody does here: the curve is a regression
of the dissimilarity on the distance.
"""

import math

import numpy as np
import torch
from scipy.special import gammaln, kve
from torch import Tensor

from geoloc.errors import ConfigError

MODELS = ("spherical", "exponential", "gaussian", "stable", "matern")
WITH_SHAPE = {"stable": (0.1, 2.0), "matern": (0.2, 30.0)}  # bounds of the shape parameter


def check_model(model: str) -> None:
    """Raise ``ConfigError`` unless ``model`` is one of ``MODELS``."""
    if model not in MODELS:
        raise ConfigError(f"model={model!r} must be one of {', '.join(MODELS)}.")


def correlation(model: str, lag: Tensor, scale: float | Tensor, shape: float = 1.0) -> Tensor:
    """Return r(h), which falls from 1 at h = 0 towards 0.

    Args:
        model: One of ``MODELS``.
        lag: Distances h >= 0, floating ``[...]``.
        scale: Length scale l > 0, in the unit of ``lag``.
        shape: Power a of the stable model, in (0, 2]; smoothness nu of the Matern model. Other
            models have none.

    Raises:
        ConfigError: If the model is unknown.
    """
    check_model(model)
    ratio = lag / scale
    if model == "spherical":
        t = ratio.clamp(max=1)
        return 1 - 1.5 * t + 0.5 * t**3
    if model == "matern":
        return _matern(math.sqrt(2 * shape) * ratio, shape)
    if model == "gaussian":
        return (-ratio.square()).exp()
    return (-(ratio if model == "exponential" else ratio**shape)).exp()


def _matern(t: Tensor, smoothness: float) -> Tensor:
    """Return ``2^(1-nu) / Gamma(nu) t^nu K_nu(t)``, in closed form for nu = 1/2, 3/2, 5/2."""
    if smoothness == 0.5:
        return (-t).exp()
    if smoothness == 1.5:
        return (1 + t) * (-t).exp()
    if smoothness == 2.5:
        return (1 + t + t.square() / 3) * (-t).exp()
    values = t.detach().cpu().double().numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        # In logarithms: t^nu K_nu(t) is 0 * inf near 0, and K_nu underflows far away.
        log_r = (1 - smoothness) * math.log(2) - gammaln(smoothness)
        log_r = log_r + smoothness * np.log(values) + np.log(kve(smoothness, values)) - values
        r = np.where(values < 1e-12, 1.0, np.exp(np.minimum(log_r, 0)))
    return torch.from_numpy(r).to(t)
