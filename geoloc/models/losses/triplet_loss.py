"""Triplet loss over all triplets of a batch, or the semi-hard ones."""

import torch
import torch.nn.functional as F
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.models.losses.pair_loss import PairLoss
from geoloc.models.losses.reduction import check_reduction
from geoloc.models.losses.similarity import unit_distance
from geoloc.registry import LOSSES

TRIPLETS = ("all", "semihard")


@LOSSES.register_module()
class TripletLoss(PairLoss):
    r"""Triplet margin loss over all triplets (Schroff et al., FaceNet, CVPR 2015).

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
        triplets: ``'all'``, or only the ``'semihard'`` ones, whose negative is farther than the
            positive, but by less than the margin: :math:`0 < d_{an} - d_{ap} < m`. Their terms
            are all positive, so that both reductions are the same.

    Raises:
        ConfigError: If ``reduction`` or ``triplets`` is unknown, or no triplet could be semi-hard.
    """

    def __init__(
        self,
        margin: float = 0.1,
        reduction: str = "mean",
        positive_level: int = 3,
        triplets: str = "all",
    ) -> None:
        super().__init__()
        check_reduction(reduction)
        if triplets not in TRIPLETS:
            raise ConfigError(f"triplets={triplets!r} must be one of {', '.join(TRIPLETS)}.")
        if margin <= 0 and triplets == "semihard":
            raise ConfigError(f"margin={margin} must be positive: it bounds the semihard triplets.")
        self.margin = margin
        self.reduction = reduction
        self.positive_level = positive_level
        self.triplets = triplets

    def loss(self, similarity: Tensor, levels: Tensor) -> Tensor:
        """Return the reduced sum over the triplets of cosines and levels ``[N, M]``."""
        distance = unit_distance(similarity)
        positive = levels >= self.positive_level
        limit = distance + self.margin
        negatives = distance.masked_fill(positive, torch.inf).sort(dim=1).values
        below = F.pad(negatives.cumsum(dim=1), (1, 0))  # [N, M + 1]: sums of the k nearest
        end = torch.searchsorted(negatives.detach(), limit.detach()) * positive
        active, sums = end, below.gather(1, end)
        if self.triplets == "semihard":
            start = torch.searchsorted(negatives.detach(), distance.detach(), right=True) * positive
            active, sums = end - start, sums - below.gather(1, start)
        total = (active * limit - sums).sum()
        if self.reduction == "nonzero" or self.triplets == "semihard":
            terms = active.sum()
        else:
            terms = (positive.sum(dim=1) * (~positive).sum(dim=1)).sum()
        return total / terms.clamp_min(1)
