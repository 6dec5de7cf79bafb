"""Collect the batch of every process, so that a loss sees the global batch."""

from typing import Any

import torch
import torch.distributed as dist
from mmengine.dist import get_dist_info
from torch import Tensor


class _GatherRows(torch.autograd.Function):
    """All-gather along the first axis whose backward needs no communication.

    Every process computes the same loss from the same gathered rows, so the gradient of all rows
    is already known locally: a process keeps its own block. DistributedDataParallel then averages
    parameter gradients over the W processes, each of which holds the part that flows through its
    own rows; the factor W turns that mean into the sum, which is the gradient of one process with
    the whole batch.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        rank, world_size = get_dist_info()
        ctx.block = slice(rank * len(rows), (rank + 1) * len(rows))
        ctx.world_size = world_size
        blocks = [torch.empty_like(rows) for _ in range(world_size)]
        dist.all_gather(blocks, rows.contiguous())
        gathered: Tensor = torch.cat(blocks)
        return gathered

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        own_rows: Tensor = grad_outputs[0][ctx.block] * ctx.world_size
        return own_rows


def gather_rows(rows: Tensor) -> Tensor:
    """Concatenate the rows of all processes in rank order, with gradient.

    Args:
        rows: ``[n, ...]``, the same ``n`` on every process.

    Returns:
        ``[world_size * n, ...]``; ``rows`` itself in a run of one process.
    """
    if get_dist_info()[1] == 1:
        return rows
    gathered: Tensor = _GatherRows.apply(rows)
    return gathered


def own_rows(gathered: Tensor) -> Tensor:
    """Return this process's block of rows that ``gather_rows`` concatenated.

    Args:
        gathered: ``[world_size * n, ...]``.

    Returns:
        ``[n, ...]``, with the gradient of ``gathered`` if it has one.
    """
    rank, world_size = get_dist_info()
    size = len(gathered) // int(world_size)
    return gathered[rank * size : (rank + 1) * size]
