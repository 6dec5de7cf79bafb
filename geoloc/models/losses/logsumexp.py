"""Log-sum-exps over subsets, the building blocks of softmax-like losses."""

import torch
from torch import Tensor


def masked_logsumexp(logits: Tensor, mask: Tensor) -> Tensor:
    """Return ``log(sum(exp(logits)))`` over the entries of the last dimension in ``mask``.

    The sum over an empty set gives the lowest finite number, not ``-inf``, whose gradient would be
    NaN (inf - inf); :func:`softplus` maps both to 0 with gradient 0.

    Args:
        logits: Floating ``[..., M]``.
        mask: Bool, broadcastable with ``logits``.
    """
    lowest = torch.finfo(logits.dtype).min
    return torch.where(mask, logits, lowest).logsumexp(dim=-1)


def softplus(x: Tensor) -> Tensor:
    """Return ``log(1 + exp(x))`` to full precision.

    ``torch.nn.functional.softplus`` replaces it by ``x`` above 20, an error of 2e-9.
    """
    return torch.logaddexp(x, x.new_zeros(()))
