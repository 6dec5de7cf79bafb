"""How many triplets of a batch are active, counted without an array of all triplets."""

import torch
from torch import Tensor

from geoloc.models.losses.sorted_counts import sorted_counts

FEW = 256  # up to M / FEW positives per anchor a search among them is faster than one sort of all


@torch.no_grad()
def count_active_triplets(bound: Tensor, positive: Tensor) -> Tensor:
    r"""Return how often every item of an anchor is in an active triplet, signed.

    A triplet of a positive p with the limit :math:`c_p` and a negative n at the distance
    :math:`d_n` is active if :math:`d_n < c_p`. Both counts together give the sum of all hinges,
    :math:`\sum_p k_p c_p - \sum_n t_n d_n`, and they are its gradient.

    Args:
        bound: :math:`c_p` of the positives and :math:`d_n` of the negatives, floating ``[N, M]``.
        positive: Bool ``[N, M]``.

    Returns:
        ``[N, M]`` in the dtype of ``bound``: :math:`k_p`, the negatives below the limit, for a
        positive, and :math:`-t_n`, minus the positives whose limit is above, for a negative.
    """
    number = positive.sum(dim=1, keepdim=True)
    most = int(number.max())
    if most * FEW <= bound.shape[1]:
        return _search(bound, positive, number, most)
    if bound.device.type == "cpu" and bound.dtype == torch.float32:
        return sorted_counts(bound, positive)
    return _sort(bound, positive, number)


def _search(bound: Tensor, positive: Tensor, number: Tensor, most: int) -> Tensor:
    """Look every item up among the sorted limits of its anchor: O(M log P) per anchor."""
    limits = bound.masked_fill(~positive, torch.inf).topk(most, dim=1, largest=False).values
    passed = torch.searchsorted(limits, bound, right=True)  # limits that are not above
    negatives = bound.new_zeros(len(bound), most + 1)
    negatives.scatter_add_(1, passed, (~positive).to(bound.dtype))
    nearer = negatives.cumsum(dim=1).gather(1, (passed - 1).clamp_min_(0))
    return torch.where(positive, nearer, (passed - number).to(bound.dtype))


def _sort(bound: Tensor, positive: Tensor, number: Tensor) -> Tensor:
    """Sort limits and distances together: O(M log M) per anchor.

    Not negative floats have the order of their bits. As integers they sort faster, and an
    appended bit lets the positives lead at a tie, which is no active triplet.
    """
    bits = torch.int32 if bound.dtype == torch.float32 else torch.int64
    one = torch.ones((), dtype=bound.dtype, device=bound.device)  # centred, so that 2x fits
    key = bound.clamp_min(0).view(bits).sub_(one.view(bits)).mul_(2).add_(~positive)
    ascending, order = key.sort(dim=1)
    negative = ascending.bitwise_and_(1)
    nearer = negative.cumsum(dim=1, dtype=bits)
    place = torch.arange(1, bound.shape[1] + 1, dtype=bits, device=bound.device)
    farther = nearer - place + number.to(bits)
    count = torch.where(negative.bool(), -farther, nearer).to(bound.dtype)
    return torch.empty_like(bound).scatter_(1, order, count)
