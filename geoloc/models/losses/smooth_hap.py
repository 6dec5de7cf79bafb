"""One minus the hierarchical average precision with smooth steps, lean in time and memory."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK_ENTRIES = 2**16  # comparisons at a time: the temporaries of a chunk stay in the CPU's cache

Step = Callable[[Tensor], tuple[Tensor, Tensor]]  # x -> (value, derivative), elementwise


def smooth_hap_loss(
    similarity: Tensor,
    levels: Tensor,
    alpha: float,
    lower_step: Step,
    higher_step: Step | None = None,
) -> Tensor:
    """Return the mean of 1 - H-AP over the anchors, a scalar.

    H-AP is a ratio of counts of the items j that score at least as high as a relevant item i, of
    level above 0. Its differentiable version replaces the step function of the score difference
    ``s_j - s_i``; see :class:`HAPLoss` for the equations.

    The sharp steps are counts per level, read off the order of the scores. Only the smooth ones
    compare one by one: the relevant items of an anchor with those of a lower level, some thousand
    comparisons at a time. The gradient is found in the same pass, so that no comparison outlives
    its chunk.

    Args:
        similarity: Floating ``[N, M]``, a row per anchor.
        levels: Integer ``[N, M]``; below 1 is irrelevant.
        alpha: Exponent of the level in its relevance ``level ** alpha / count``.
        lower_step: Replaces the step in the rank for the items of a lower level. It must be 0
            with derivative 0 at ``-inf``, and may overwrite its argument.
        higher_step: Replaces the step in the hierarchical rank for the items of a higher level.
    """
    levels, order = levels.clamp_min(0).long().sort(dim=1)
    value: Tensor = _SmoothHAP.apply(
        similarity.gather(1, order), levels, alpha, lower_step, higher_step
    )
    return value


class _Batch(NamedTuple):
    """The items of every anchor in ascending order of their levels, counted by score."""

    score: Tensor  # [N, M]
    levels: Tensor  # int64 [N, M]
    found: Tensor  # int64 [N, M + 1, L + 1], items per level among the k that score lowest
    below: Tensor  # int64 [N, K], items that score lower, for the last K: all relevant ones
    relevance: Tensor  # [N, L + 1], of an item of a level
    weight: Tensor  # [N]: 1 / (N * relevance of all items)


class _Items(NamedTuple):
    """The P items i of one level."""

    anchor: Tensor  # int64 [P]
    item: Tensor  # int64 [P], column
    score: Tensor  # [P]
    relevance: Tensor  # [P], R_i
    rank: Tensor  # [P]: items of the same or a higher level that score at least as high, with i
    deficit: Tensor  # [P]: R_i * rank - hrank, before the smooth steps
    weight: Tensor  # [P]


class _SmoothHAP(torch.autograd.Function):
    """The loss is the weighted sum of ``deficit / rank`` with ``deficit = R_i rank - hrank``.

    That is ``1 - H-AP`` without its cancellation: exactly 0 for a perfect order, as long as the
    relevances grow with the level. The items of every anchor come in ascending order of levels.
    """

    @staticmethod
    def forward(
        ctx: Any,
        score: Tensor,
        levels: Tensor,
        alpha: float,
        lower_step: Step,
        higher_step: Step | None,
    ) -> Tensor:
        """Return the weighted sum, and keep the gradient."""
        batch = _count(score, levels, alpha)
        value, grad = score.new_zeros(()), torch.zeros_like(score)
        for level in range(1, batch.relevance.shape[1]):
            value += _add_level(batch, level, lower_step, higher_step, grad)
        ctx.save_for_backward(grad)
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        """Return the gradient with respect to the scores."""
        return ctx.saved_tensors[0] * grad, None, None, None, None


def _count(score: Tensor, levels: Tensor, alpha: float) -> _Batch:
    ascending, order = score.sort(dim=1)
    found = F.pad(F.one_hot(levels.gather(1, order)).cumsum(dim=1), (0, 0, 1, 0))
    count = found[:, -1]
    first = int(count[:, 0].min())
    below = torch.searchsorted(ascending, score[:, first:].contiguous())
    # float32, as in the official code: more digits would move its loss by up to 1e-8
    steps = torch.arange(count.shape[1], dtype=torch.float32, device=levels.device)
    relevance = torch.where(steps > 0, steps**alpha, 0) / count.clamp_min(1)
    relevance = relevance.to(score.dtype)
    weight = 1 / ((relevance * count).sum(dim=1) * len(score))
    return _Batch(score, levels, found, below, relevance, weight)


def _items(batch: _Batch, level: int) -> _Items:
    anchor, item = (batch.levels == level).nonzero(as_tuple=True)
    first = batch.levels.shape[1] - batch.below.shape[1]
    above = batch.found[anchor, -1] - batch.found[anchor, batch.below[anchor, item - first]]
    own = batch.relevance[:, level, None]
    lost = -torch.minimum(own, batch.relevance)
    lost[:, level:] += own
    return _Items(
        anchor,
        item,
        batch.score[anchor, item],
        own[anchor, 0],
        rank=above[:, level:].sum(dim=1),
        deficit=(above * lost[anchor]).sum(dim=1),
        weight=batch.weight[anchor],
    )


def _add_level(
    batch: _Batch, level: int, lower_step: Step, higher_step: Step | None, grad: Tensor
) -> Tensor:
    """Return the terms of the items of ``level`` and add their gradient to ``grad [N, M]``."""
    items, lower = _items(batch, level), batch.levels < level
    width = int(lower.sum(dim=1).max())
    score = batch.score[:, :width].masked_fill(~lower[:, :width], -torch.inf)
    value, score_grad = grad.new_zeros(()), torch.zeros_like(score)
    size = max(1, CHUNK_ENTRIES // max(1, width))
    for columns in zip(*(torch.split(column, size) for column in items), strict=True):
        chunk = _Items(*columns)
        step, slope = lower_step(score.index_select(0, chunk.anchor).sub_(chunk.score[:, None]))
        excess = step.sum(dim=1)
        rank, deficit = chunk.rank + excess, chunk.deficit + chunk.relevance * excess
        if higher_step is not None:
            deficit += _missing_hrank(batch, chunk, level, rank, higher_step, grad)
        push = chunk.weight * (chunk.relevance * rank - deficit) / rank.square()
        # by the lower score and by the item's own; index_add_ is slow on a slice of ``grad``
        score_grad.index_add_(0, chunk.anchor, slope.mul_(push[:, None]))
        grad[chunk.anchor, chunk.item] -= slope.sum(dim=1)
        value += (chunk.weight * deficit / rank).sum()
    grad[:, :width] += score_grad
    return value


def _missing_hrank(
    batch: _Batch, chunk: _Items, level: int, rank: Tensor, step: Step, grad: Tensor
) -> Tensor:
    """Return what the smooth steps of the higher items take off hrank ``[P]``, with gradient."""
    x = batch.score[chunk.anchor] - chunk.score[:, None]
    levels = batch.levels[chunk.anchor]
    relevance = batch.relevance[chunk.anchor].gather(1, levels)
    common = torch.minimum(relevance, chunk.relevance[:, None]).masked_fill_(levels <= level, 0)
    value, slope = step(x)
    slope = slope * common * (-chunk.weight / rank)[:, None]
    grad.index_add_(0, chunk.anchor, slope)
    grad[chunk.anchor, chunk.item] -= slope.sum(dim=1)
    return (common * ((x >= 0).to(x.dtype) - value)).sum(dim=1)
