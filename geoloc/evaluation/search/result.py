"""What a search finds, and the order in which it is found."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

INDEX_BITS = 32


class SearchResult(NamedTuple):
    """The best gallery items of every query.

    Attributes:
        scores: Inner products, best first, float32 ``[Q, k]``.
        index: Gallery indices, equal scores by index, int64 ``[Q, k]``; -1, with score ``-inf``,
            where an approximate search found fewer than k items.
    """

    scores: NDArray[np.float32]
    index: NDArray[np.int64]  # type: ignore[assignment]  # tuple.index() is not missed


def order_keys(scores: Tensor, index: Tensor) -> Tensor:
    """Return integers that ascend as the score descends, equal scores by index.

    Args:
        scores: float32; NaN comes before or after all numbers, as its sign says.
        index: int64, 0 .. 2^32 - 1.

    Returns:
        int64 of the shape that both broadcast to: the ordered bits of the score above the index.
    """
    bits = (scores + 0.0).contiguous().view(torch.int32)  # + 0.0 turns -0.0 into 0.0
    keys: Tensor = ~_mirror(bits).long() << INDEX_BITS | index
    return keys


def scores_of(keys: Tensor) -> Tensor:
    """Return the float32 scores of keys from :func:`order_keys`."""
    scores: Tensor = _mirror((~(keys >> INDEX_BITS)).int()).view(torch.float32)
    return scores


def index_of(keys: Tensor) -> Tensor:
    """Return the int64 indices of keys from :func:`order_keys`."""
    index: Tensor = keys & (2**INDEX_BITS - 1)
    return index


def result_of(keys: Tensor) -> SearchResult:
    """Return what sorted keys ``[Q, k]`` stand for."""
    return SearchResult(scores_of(keys).cpu().numpy(), index_of(keys).cpu().numpy())


def _mirror(bits: Tensor) -> Tensor:
    """Turn the bits of floats into integers of the same order, and back."""
    mirrored: Tensor = bits ^ (bits >> 31 & 0x7FFF_FFFF)
    return mirrored
