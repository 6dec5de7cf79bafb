"""Steps 2 and 3 of k-reciprocal re-ranking: which neighbours are neighbours in both directions."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoloc.evaluation.rerank.neighbour_graph import NeighbourGraph
from geoloc.evaluation.row_blocks import map_blocks
from geoloc.kernel import kernel


class ImageSets(NamedTuple):
    """One set of images per image; that of image i lies in ``pointer[i] : pointer[i + 1]``.

    Attributes:
        pointer: int64 ``[N + 1]``.
        images: int32.
    """

    pointer: NDArray[np.int64]
    images: NDArray[np.int32]


def reciprocal_sets(graph: NeighbourGraph, k: int) -> ImageSets:
    """Return ``R(i, k)``: the j in ``N(i, k)`` for which i is in ``N(j, k)``.

    Args:
        graph: Neighbours up to rank k, or all of them.
        k: Neighbours besides the image itself.
    """
    mutual = graph.mutual_rank[:, : k + 1] <= k
    pointer = np.append(0, np.cumsum(mutual.sum(axis=1)))
    return ImageSets(pointer, graph.nearest[:, : k + 1][mutual])


def expand(near: ImageSets, half: ImageSets) -> ImageSets:
    """Add to every ``R(i, k1)`` those ``R(j, k1 / 2)`` that overlap with it.

    That is those of its members j of which more than two thirds are in ``R(i, k1)``.

    Args:
        near: ``R(i, k1)``.
        half: ``R(i, k1 / 2)``.
    """
    rows = len(near.pointer) - 1
    arrays = *near, *half
    blocks = map_blocks(lambda start, stop: _expand(start, stop, *arrays), rows)
    counts, images = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return ImageSets(np.append(0, np.cumsum(counts)), images)


@kernel
def _expand(
    start: int,
    stop: int,
    near_pointer: NDArray[np.int64],
    near: NDArray[np.int32],
    half_pointer: NDArray[np.int64],
    half: NDArray[np.int32],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the size of every set, and their images one set after the other."""
    rows = len(near_pointer) - 1
    counts = np.empty(stop - start, np.int64)
    # One more, for the last write of an image that is there already. Pages never written are free.
    images = np.empty((stop - start) * rows + 1, np.int32)
    seen = np.zeros(rows, np.uint8)
    end = 0
    for row in range(start, stop):
        first = end
        for item in range(near_pointer[row], near_pointer[row + 1]):
            images[end] = near[item]
            seen[near[item]] = 1
            end += 1
        for item in range(near_pointer[row], near_pointer[row + 1]):
            begin, close = half_pointer[near[item]], half_pointer[near[item] + 1]
            common = 0
            for other in half[begin:close]:
                common += seen[other] & 1
            if 3 * common > 2 * (close - begin):
                for other in half[begin:close]:
                    images[end] = other
                    end += seen[other] == 0
                    seen[other] |= 2  # not 1: candidates are compared with R(i, k1) alone
        for image in images[first:end]:
            seen[image] = 0
        counts[row - start] = end - first
    return counts, images[:end].copy()
