"""Triplet loss over all triplets of a batch."""

import torch
import torch.nn.functional as F
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.models.losses.pair_loss import PairLoss
from geoloc.models.losses.similarity import unit_distance
from geoloc.registry import LOSSES

REDUCTIONS = ("mean", "nonzero")


@LOSSES.register_module()
class TripletLoss(PairLoss):
    r"""Triplet margin loss over all triplets (Schroff et al., 2015, without mining).

    With the Euclidean distance d of normalised descriptors, every anchor a, every positive p of
    level ``positive_level`` or higher and every negative n below it give the term
    :math:`\max(0, d_{ap} - d_{an} + m)`.

    The terms are not enumerated: with the negatives of an anchor in ascending order, the k of
    them below :math:`c = d_{ap} + m` add up to :math:`k c - \sum_{n \le k} d_{an}`. That takes
    O(N M log M) time and O(N M) memory, with exact value and gradient.

    Args:
        margin: m.
        reduction: ``'mean'`` over all triplets or over the ``'nonzero'`` (positive) terms; 0 if
            there are none.
        positive_level: Lowest level of a positive.

    Raises:
        ConfigError: If ``reduction`` is unknown.
    """

    def __init__(
        self, margin: float = 0.1, reduction: str = "mean", positive_level: int = 3
    ) -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ConfigError(f"reduction={reduction!r} must be one of {', '.join(REDUCTIONS)}.")
        self.margin = margin
        self.reduction = reduction
        self.positive_level = positive_level

    def loss(self, similarity: Tensor, levels: Tensor) -> Tensor:
        """Return the reduced sum over all triplets of cosines and levels ``[N, M]``."""
        distance = unit_distance(similarity)
        positive = levels >= self.positive_level
        limit = distance + self.margin
        negatives = distance.masked_fill(positive, torch.inf).sort(dim=1).values
        below = F.pad(negatives.cumsum(dim=1), (1, 0))  # [N, M + 1]: sums of the k nearest
        active = torch.searchsorted(negatives.detach(), limit.detach()) * positive
        total = (active * limit - below.gather(1, active)).sum()
        if self.reduction == "nonzero":
            terms = active.sum()
        else:
            terms = (positive.sum(dim=1) * (~positive).sum(dim=1)).sum()
        return total / terms.clamp_min(1)
