"""Descriptors that may not fit into memory: tensors, arrays, memory maps, in blocks."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoloc.evaluation.finite import check_finite

Descriptors: TypeAlias = Tensor | NDArray[Any]
DescriptorBlocks: TypeAlias = Descriptors | Iterable[Descriptors]


def spans(length: int, size: int) -> Iterator[slice]:
    """Cut ``0 .. length`` into runs of at most ``size``."""
    for start in range(0, length, size):
        yield slice(start, min(start + size, length))


def as_array(descriptors: Descriptors) -> Descriptors:
    """Return a tensor on the CPU as the array that shares its memory; all else as it is.

    Threads of Python index arrays side by side, where tensors start threads of their own.
    """
    if not isinstance(descriptors, Tensor):
        return descriptors
    descriptors = descriptors.detach()
    without_array = descriptors.device.type != "cpu" or descriptors.dtype is torch.bfloat16
    return descriptors if without_array else descriptors.numpy()


def rows_of(descriptors: Descriptors, rows: slice) -> Tensor:
    """Return some descriptors ``[r, D]`` as a tensor of their type, on their device.

    Only these rows of a memory map are read.
    """
    if isinstance(descriptors, Tensor):
        return descriptors[rows].detach()
    # A tensor cannot share memory that is read-only or runs backwards: that is copied.
    return torch.from_numpy(np.require(descriptors[rows], requirements=["C", "W"]))


def parts_of(descriptors: DescriptorBlocks) -> Iterable[Descriptors]:
    """Return the blocks, or the descriptors as the only one."""
    return [descriptors] if isinstance(descriptors, Tensor | np.ndarray) else descriptors


def blocks_of(descriptors: DescriptorBlocks, size: int, name: str = "item") -> Iterator[Tensor]:
    """Yield float32 blocks ``[r, D]`` on the CPU, of at most ``size`` rows.

    Args:
        descriptors: Descriptors ``[N, D]``, or an iterable of such blocks.
        size: Rows.
        name: What one of them describes, for the error.

    Raises:
        ValueError: If a block has another width or shape, or a descriptor is not finite.
    """
    first, width = 0, None
    for part in parts_of(descriptors):
        check_shape("the descriptors", part, width)
        width = part.shape[1]
        for span in spans(len(part), size):
            block = rows_of(part, span)
            check_finite(name, block, first + span.start)
            yield block.to("cpu", torch.float32).contiguous()
        first += len(part)


def check_shape(name: str, descriptors: Descriptors, width: int | None = None) -> None:
    """Check that descriptors are ``[N, D]``.

    Args:
        name: What they are, for the error.
        descriptors: Any array.
        width: D, if it is known.

    Raises:
        ValueError: If they are not, or D is 0.
    """
    shape = list(descriptors.shape)
    if len(shape) != 2 or not shape[1]:
        raise ValueError(f"{name} must be [N, D] with D at least 1, got {shape}.")
    if width is not None and shape[1] != width:
        raise ValueError(
            f"{name} are {shape[1]} wide, those before are {width}: use descriptors of one model."
        )
