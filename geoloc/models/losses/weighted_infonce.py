"""InfoNCE over given logits, with positives and negatives of every row."""

import torch
from torch import Tensor

from geoloc.models.losses.logsumexp import masked_logsumexp, softplus


def infonce_of_logits(logits: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    r"""Return the mean over the rows of :math:`-\log \frac{\sum_P e^S}{\sum_P e^S + \sum_N e^S}`.

    A row without positives or without negatives adds 0 and counts. With one positive this is the
    cross-entropy over the row.

    Args:
        logits: S, floating ``[N, M]``; -inf is neither positive nor negative.
        positive: Bool ``[N, M]``.
        negative: Bool ``[N, M]``; the rest is left out.
    """
    valid = logits > -torch.inf
    positive, negative = positive & valid, negative & valid
    lead = masked_logsumexp(logits, negative) - masked_logsumexp(logits, positive)
    return softplus(torch.where(positive.any(dim=1), lead, -torch.inf)).mean()


def soft_target_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return the cross-entropy of soft targets, the mean over the rows.

    Args:
        logits: Floating ``[N, M]``; -inf is no candidate.
        target: Weights, 0 or more, ``[N, M]``; a row without any adds 0.
    """
    valid = logits > -torch.inf
    target = target * valid
    share = target / target.sum(dim=1, keepdim=True).clamp_min(torch.finfo(logits.dtype).tiny)
    log_share = logits - masked_logsumexp(logits, valid)[:, None]
    return -(share * log_share.masked_fill(~valid, 0)).sum(dim=1).mean()
