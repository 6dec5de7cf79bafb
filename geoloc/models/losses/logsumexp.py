"""Log-sum-exps over subsets, the building blocks of softmax-like losses.

The sum over an empty set gives the lowest finite number, not ``-inf``, whose gradient would be NaN
(inf - inf); :func:`softplus` maps both to 0 with gradient 0.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def masked_logsumexp(logits: Tensor, mask: Tensor) -> Tensor:
    """Return ``log(sum(exp(logits)))`` over the entries of the last dimension in ``mask``.

    Args:
        logits: Floating ``[..., M]``.
        mask: Bool, broadcastable with ``logits``.
    """
    with torch.no_grad():
        top = torch.where(mask, logits, torch.finfo(logits.dtype).min).amax(dim=-1, keepdim=True)
    # exp(-60) adds nothing to a sum >= 1, and unlike exp(-inf) it is no slow special case.
    return torch.where(mask, logits, top - 60).logsumexp(dim=-1)


def grouped_logsumexp(logits: Tensor, group: Tensor, num_groups: int) -> Tensor:
    """Return ``log(sum(exp(logits)))`` over the entries of each group of a row.

    One exponential per entry, however many groups there are.

    Args:
        logits: Floating ``[N, M]``.
        group: Group of every entry, int64 ``[N, M]`` in ``0 .. num_groups - 1``.
        num_groups: G.

    Returns:
        ``[N, G]``.
    """
    sums: Tensor = _GroupedLogSumExp.apply(logits, group, num_groups)
    return sums


class _GroupedLogSumExp(torch.autograd.Function):
    """Scattered sums whose gradient, the softmax within the group, needs no scattering."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, group: Tensor, num_groups: int) -> Tensor:
        limits = torch.finfo(logits.dtype)
        top = logits.new_full((len(logits), num_groups), limits.min)
        top.scatter_reduce_(1, group, logits, "amax")
        powers = (logits - top.gather(1, group)).exp_()
        sums = torch.zeros_like(top).scatter_add_(1, group, powers).clamp_min_(limits.tiny)
        ctx.save_for_backward(group, powers, sums)
        return top.add_(sums.log())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        group, powers, sums = ctx.saved_tensors
        return (grad / sums).gather(1, group).mul_(powers), None, None


def softplus(x: Tensor) -> Tensor:
    """Return ``log(1 + exp(x))`` to full precision.

    ``torch.nn.functional.softplus`` replaces it by ``x`` above 20, an error of 2e-9.
    """
    return torch.logaddexp(x, x.new_zeros(()))
