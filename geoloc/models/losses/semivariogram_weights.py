r"""Weights of negatives by their deviation from the semivariogram.

With the expected dissimilarity :math:`\gamma(h)`, the spatial correlation r(h) and the spread
:math:`\sigma(h)` of a pair at distance h, :math:`z = (\gamma - d) / \sigma` tells how much more
alike the pair is than expected there.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from geoloc.models.losses.fitted_semivariogram import FittedSemivariogram

THESIS_BETA = (0.2, 0.5)  # bounds of |gamma - d| as an inverse temperature (thesis, variant 2)


class Emphasis(NamedTuple):
    """How strongly scores change the weights (inferred; the values are guesses).

    Attributes:
        lambda_h: Of hard negatives: far, and more alike than expected by ``z_h``.
        lambda_f: Of false negatives: near, and not less alike than expected by ``z_f``.
        lambda_g: Of reliable near negatives: near, and less alike than expected by ``z_g``.
        z_h: Threshold in standard deviations.
        z_f: Threshold in standard deviations.
        z_g: Threshold in standard deviations.
        sigma_min: Least standard deviation.
        w_min: Least weight.
        w_max: Largest weight.
    """

    lambda_h: float = 0.5
    lambda_f: float = 1.0
    lambda_g: float = 0.0
    z_h: float = 0.0
    z_f: float = 1.0
    z_g: float = 1.0
    sigma_min: float = 0.02
    w_min: float = 0.1
    w_max: float = 4.0


class Scores(NamedTuple):
    """Scores of pairs, all at least 0.

    Attributes:
        hard: :math:`H = (1 - r) [z - z_h]_+`.
        false: :math:`F = r [z + z_f]_+`.
        reliable: :math:`G = r [-z - z_g]_+`.
    """

    hard: Tensor
    false: Tensor
    reliable: Tensor


def deviation_scores(
    fitted: FittedSemivariogram, distance: Tensor, lag_km: Tensor, emphasis: Emphasis
) -> Scores:
    """Return the scores of pairs (inferred formulas).

    Args:
        fitted: The curves.
        distance: Feature distances d ``[N, M]``.
        lag_km: Ground distances h in km ``[N, M]``, of the same dtype.
        emphasis: Its thresholds are used.
    """
    r = fitted.correlation(lag_km)
    sigma = fitted.spread_at(lag_km).clamp_min(emphasis.sigma_min)
    z = (fitted.gamma(lag_km) - distance) / sigma
    return Scores(
        (1 - r) * (z - emphasis.z_h).clamp_min(0),
        r * (z + emphasis.z_f).clamp_min(0),
        r * (-z - emphasis.z_g).clamp_min(0),
    )


def log_weights(scores: Scores, emphasis: Emphasis, ramp: float = 1.0) -> Tensor:
    r"""Return :math:`\log w = \lambda_h H - \lambda_f F + \lambda_g G` within the bounds.

    Args:
        scores: Of pairs ``[N, M]``.
        emphasis: Its lambdas and bounds are used.
        ramp: Factor on the lambdas, from 0 to 1 during the warm-up.
    """
    log_w = ramp * (
        emphasis.lambda_h * scores.hard
        - emphasis.lambda_f * scores.false
        + emphasis.lambda_g * scores.reliable
    )
    bounds = torch.tensor([emphasis.w_min, emphasis.w_max], dtype=torch.float64).log().tolist()
    return log_w.clamp(*bounds)


def of_mean_one(log_w: Tensor, among: Tensor) -> Tensor:
    """Shift log weights so that the mean weight of every row is 1 over the entries ``among``."""
    total = log_w.masked_fill(~among, -torch.inf).logsumexp(dim=1, keepdim=True)
    count = among.sum(dim=1, keepdim=True).clamp_min(1).to(log_w)
    shifted = log_w - (total - count.log())
    return torch.where(among, shifted, 0)


def reliable_factor(
    fitted: FittedSemivariogram, distance: Tensor, lag_km: Tensor, ramp: float = 1.0
) -> Tensor:
    r"""Return :math:`e^p` with :math:`p = [d - \gamma(h)]_+` within the range, else p = 0.

    Known: the penalty of the thesis (variant 5), by which it multiplies negative logits.
    """
    penalty = (distance - fitted.gamma(lag_km)).clamp_min(0)
    return (ramp * penalty * (lag_km <= float(fitted.range_km))).exp()


def hardness_factor(logits: Tensor, beta: Tensor, among: Tensor) -> Tensor:
    r"""Return :math:`e^{\beta S}` over its mean in the row, 1 for entries that are not ``among``.

    Known: the hard-negative factor of the thesis (variant 2 with
    :math:`\beta = \operatorname{clip}(|\gamma - d|, 0.2, 0.5)`, and with :math:`\beta = 1`), after
    Robinson et al., ICLR 2021. The thesis multiplies logits by it.

    Args:
        logits: S ``[N, M]``, no gradient.
        beta: Inverse temperatures ``[N, M]``.
        among: The negatives, bool ``[N, M]``.
    """
    return of_mean_one(beta * logits.masked_fill(~among, 0), among).exp()


def thesis_beta(fitted: FittedSemivariogram, distance: Tensor, lag_km: Tensor) -> Tensor:
    """Return the inverse temperature of the thesis's variant 2, ``[N, M]``."""
    return (fitted.gamma(lag_km) - distance).abs().clamp(*THESIS_BETA)
