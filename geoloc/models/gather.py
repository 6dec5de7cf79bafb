"""The batch of all processes, so that a loss sees the global batch.

DistributedDataParallel takes the mean over the processes of the gradients of every parameter, so
what is minimised is the mean of the losses of the processes. A descriptor takes part in all of
them: its gradient is the sum over the processes, divided by their number by that mean. So it does
not matter whether every process computes the same loss of the whole batch or its share of it.
"""

from typing import Any

import torch
import torch.distributed as dist
from mmengine.dist import get_dist_info
from torch import Tensor


class _GatherRows(torch.autograd.Function):
    """All-gather along the first axis; backward adds up what all processes found for the rows."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        blocks = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(blocks, rows.contiguous())
        gathered: Tensor = torch.cat(blocks)
        return gathered

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        total = grad_outputs[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)  # gloo has no reduce-scatter
        return total[own_block(len(total))]


class _MeanOfProcesses(torch.autograd.Function):
    """The mean over the processes; its gradient is left to DistributedDataParallel's mean."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        mean = value.clone()
        dist.all_reduce(mean)
        return mean / dist.get_world_size()

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        return grad_outputs[0]


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


def mean_of_processes(value: Tensor) -> Tensor:
    """Return the mean over all processes of the losses of their shares, with gradient.

    Args:
        value: The scalar of this process's share; the shares are equally large.
    """
    if get_dist_info()[1] == 1:
        return value
    mean: Tensor = _MeanOfProcesses.apply(value)
    return mean


def own_block(size: int) -> slice:
    """Return which of ``size`` gathered rows are those of this process."""
    rank, world_size = get_dist_info()
    own = size // int(world_size)
    return slice(rank * own, (rank + 1) * own)


def own_rows(gathered: Tensor) -> Tensor:
    """Return this process's block of rows that ``gather_rows`` concatenated.

    Args:
        gathered: ``[world_size * n, ...]``.

    Returns:
        ``[n, ...]``, with the gradient of ``gathered`` if it has one.
    """
    return gathered[own_block(len(gathered))]
