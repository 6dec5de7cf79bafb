"""A large batch through a network in chunks: the memory of a chunk, the gradient of the batch."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from geoloc.models.batch_norm import ReplayedBatchNorm


def in_chunks(
    embed: Callable[[Tensor], Tensor], images: Tensor, chunk_size: int, model: nn.Module
) -> Tensor:
    """Return ``embed(images)``, of which one chunk at a time keeps its activations.

    This is GradCache (Gao et al., Scaling Deep Contrastive Learning Batch Size under Memory Limited
    Setup, 2021): the chunks pass without activations, the loss sees the descriptors of the whole
    batch, and with its gradient each chunk passes once more, now with activations, and back. The
    gradient is exact, since a descriptor depends on its own chunk alone and the second pass repeats
    the first: the state of the random numbers and of autocast, and the way BatchNorm works. It
    costs one more forward pass.

    Each chunk is a checkpoint of autograd, so a step is still one forward and one backward pass:
    DistributedDataParallel sends every gradient once, and what wraps a step (accumulation, loss
    scaling, sharpness-aware steps) need not know.

    Args:
        embed: Maps images ``[n, ...]`` to embeddings ``[n, ...]``.
        images: ``[N, ...]``.
        chunk_size: Most images at a time; the chunks are of equal size up to one image, so that
            none is left too small for its BatchNorm statistics.
        model: What ``embed`` computes with, for its BatchNorm layers.
    """

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), ReplayedBatchNorm(model)

    number = -(-len(images) // chunk_size)
    if number <= 1 or not torch.is_grad_enabled():
        return embed(images)
    chunks = images.tensor_split(number)
    return torch.cat(
        [checkpoint(embed, chunk, use_reentrant=False, context_fn=contexts) for chunk in chunks]
    )
