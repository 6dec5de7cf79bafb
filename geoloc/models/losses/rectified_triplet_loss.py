"""Triplets with distance-rectified logistic weights, the common part of HER and SEH."""

import math
from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.models.losses.logsumexp import softplus
from geoloc.models.losses.pair_loss import PairLoss

MARGIN = 0.15  # of the squared length of a descriptor
FLOOR = 1e-8  # of a probability, as in the official code


class RectifiedWeights(NamedTuple):
    """Weights, and the bounds outside which a loss replaces them.

    Attributes:
        weight: Float, of the shape of the gaps.
        low: Weight of a triplet that just satisfies the margin.
        high: Weight of a triplet whose negative is as near as its positive.
    """

    weight: Tensor
    low: float
    high: float


def rectified_weights(gap: Tensor, margin: float) -> RectifiedWeights:
    r"""Return :math:`w = -\log_2 p` with :math:`p = 1 / (1 + e^{g + m / 2})`.

    Args:
        gap: g, the squared distance to the positive minus that to the negative.
        margin: m, on the scale of the gaps.
    """
    weight = -torch.log2(torch.sigmoid(-gap - margin / 2) + FLOOR)
    low, high = (math.log2(1 + math.exp(shift) + FLOOR) for shift in (-margin / 2, margin / 2))
    return RectifiedWeights(weight.clamp_min(0), low, high)


class RectifiedTripletLoss(PairLoss):
    r"""Base of :class:`HERLoss` and :class:`SEHLoss`.

    With squared distances D of descriptors multiplied by a, and the gaps
    :math:`g_{ij} = D_{ii} - D_{ij}`,

    .. math::
        L = \frac{1}{B^2} \sum_{i \ne j} w_{ij} \log(1 + e^{g_{ij}})

    Beyond the papers' one positive per anchor: several positives give their mean distance, none
    gives a loss of 0.

    Args:
        scale: a.
        positive_level: Lowest level of a positive.
        negative_level: Highest level of a negative; None means all below ``positive_level``.

    Attributes:
        margin: :math:`m = 0.15\, a^2`.

    Raises:
        ConfigError: If ``scale`` is not positive, or ``negative_level`` not below
            ``positive_level``.
    """

    averages_rows = True

    def __init__(
        self, scale: float = 5.0, positive_level: int = 3, negative_level: int | None = None
    ) -> None:
        super().__init__()
        if scale <= 0:
            raise ConfigError(f"scale={scale} must be positive.")
        negative_level = positive_level - 1 if negative_level is None else negative_level
        if negative_level >= positive_level:
            raise ConfigError(
                f"negative_level={negative_level} must be below positive_level={positive_level}."
            )
        self.scale = scale
        self.positive_level = positive_level
        self.negative_level = negative_level
        self.margin = MARGIN * scale**2

    def loss(self, similarity: Tensor, levels: Tensor) -> Tensor:
        """Return the mean over all entries of cosines and levels ``[N, M]``."""
        positive = levels >= self.positive_level
        distance = self.scale**2 * (2 - 2 * similarity)
        number = positive.sum(dim=1, keepdim=True)
        to_positive = (distance * positive).sum(dim=1, keepdim=True) / number.clamp_min(1)
        triplet = (levels <= self.negative_level) & (number > 0)
        gap = (to_positive - distance).masked_fill(~triplet, 0)
        return (self.weights(gap) * softplus(gap) * triplet).mean()

    @abstractmethod
    def weights(self, gap: Tensor) -> Tensor:
        """Return the weights of gaps ``[N, M]``."""
