"""Triplet loss over all triplets of a batch, or the semi-hard ones."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from geoloc.errors import ConfigError
from geoloc.models.losses.active_triplets import count_active_triplets
from geoloc.models.losses.pair_loss import PairLoss
from geoloc.models.losses.reduction import check_reduction
from geoloc.models.losses.similarity import unit_distance
from geoloc.registry import LOSSES

TRIPLETS = ("all", "semihard")
CHUNK_ENTRIES = 2**17  # pairs at a time: the temporaries of a chunk stay in the CPU's cache


@LOSSES.register_module()
class TripletLoss(PairLoss):
    r"""Triplet margin loss over all triplets (Schroff et al., FaceNet, CVPR 2015).

    With the Euclidean distance d of normalised descriptors, every anchor a, every positive p of
    level ``positive_level`` or higher and every negative n below it give the term
    :math:`\max(0, d_{ap} - d_{an} + m)`.

    The terms are not enumerated but counted, see :func:`count_active_triplets`. With P positives
    per anchor that takes O(N M log P) time and O(N M) memory, with exact value and gradient.

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
        positive = levels >= self.positive_level
        semihard = self.triplets == "semihard"
        total, active = _TripletSum.apply(similarity, positive, self.margin, semihard)
        if self.reduction == "nonzero" or semihard:
            terms = active
        else:
            number = positive.sum(dim=1)
            terms = (number * (levels.shape[1] - number)).sum()
        mean: Tensor = total / terms.clamp_min(1)
        return mean


class _TripletSum(torch.autograd.Function):
    """Sum and number of the active triplets, and the gradient in the same pass over chunks."""

    @staticmethod
    def forward(
        ctx: Any, similarity: Tensor, positive: Tensor, margin: float, semihard: bool
    ) -> tuple[Tensor, Tensor]:
        """Return the sum and the number, and keep the gradient."""
        total, grad = similarity.new_zeros(()), torch.empty_like(similarity)
        active = total.long()
        size = max(1, CHUNK_ENTRIES // similarity.shape[1])
        chunks = (torch.split(rows, size) for rows in (similarity, positive, grad))
        for cosines, chosen, slope in zip(*chunks, strict=True):
            with torch.enable_grad():
                leaf = cosines.detach().requires_grad_()
                distance = unit_distance(leaf)
                bound = torch.add(distance, chosen, alpha=margin)
                count = count_active_triplets(bound, chosen)
                if semihard:  # without the negatives that are not farther than the positive
                    count -= _count_not_farther(distance.detach(), chosen)
                value = (count * bound).sum()
            slope.copy_(*torch.autograd.grad(value, leaf))
            total += value.detach()
            active += count.clamp_min_(0).sum(dim=1).long().sum()
        ctx.save_for_backward(grad)
        ctx.mark_non_differentiable(active)
        return total, active

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, None, None, None]:
        """Return the gradient with respect to the similarities."""
        return ctx.saved_tensors[0] * grad, None, None, None


def _count_not_farther(distance: Tensor, positive: Tensor) -> Tensor:
    # d_n <= d_p means that d_n is below the next number above d_p
    above = distance.nextafter(distance.new_tensor(torch.inf))
    return count_active_triplets(torch.where(positive, above, distance), positive)
