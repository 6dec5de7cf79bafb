"""The counts of active triplets on the CPU, from one vectorised sort per anchor."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoloc.kernel import kernel

COLUMN_BITS = 31


def sorted_counts(bound: Tensor, positive: Tensor) -> Tensor:
    """Return what :func:`count_active_triplets` returns; O(M log M) per anchor.

    The bits of the limit or distance, which are ordered as the floats where these are not
    negative, whether it is a distance, and the column make one key. All keys differ, so that the
    order is that of a stable sort, for which numpy's vectorised one takes a third of the time.

    Args:
        bound: float32 ``[N, M]`` on the CPU.
        positive: Bool ``[N, M]``.
    """
    bits = bound.detach().clamp_min(0).view(torch.int32)
    count = torch.empty(bound.shape)
    keys = _keys(bits.numpy(), positive.numpy())
    keys.sort(axis=1)
    _count(keys, count.numpy())
    return count


@kernel
def _keys(bits: NDArray[np.int32], positive: NDArray[np.bool_]) -> NDArray[np.int64]:
    keys = np.empty(bits.shape, np.int64)
    for row in range(bits.shape[0]):
        for column in range(bits.shape[1]):
            negative = np.int64(not positive[row, column])
            key = np.int64(bits[row, column]) << 1 | negative  # a limit comes before its equals
            keys[row, column] = key << COLUMN_BITS | column
    return keys


@kernel
def _count(keys: NDArray[np.int64], counts: NDArray[np.float32]) -> None:
    for row in range(keys.shape[0]):
        positives = 0
        for key in keys[row]:
            positives += 1 - (key >> COLUMN_BITS & 1)
        nearer, passed = 0, 0
        for key in keys[row]:
            column = key & (1 << COLUMN_BITS) - 1
            if key >> COLUMN_BITS & 1:
                counts[row, column] = passed - positives
                nearer += 1
            else:
                counts[row, column] = nearer
                passed += 1
