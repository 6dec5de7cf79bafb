"""Which images of a set are neighbours of each other."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor

from geoloc.evaluation.rerank.neighbours import nearest_neighbours
from geoloc.evaluation.row_blocks import map_blocks
from geoloc.kernel import kernel

ABSENT = np.iinfo(np.int32).max


class NeighbourGraph(NamedTuple):
    """The nearest images of every image of a set of N, itself included.

    Attributes:
        descriptors: Unit rows, float64 ``[N, D]``.
        nearest: Neighbours, nearest first, int32 ``[N, k]``.
        distance: Their cosine distances, float64 ``[N, k]``.
        farthest: Cosine distance of the farthest image, float64 ``[N]``.
        mutual_rank: For neighbour j of image i the larger one of the ranks (from 0) of j for i and
            of i for j, int32 ``[N, k]``. The k-reciprocal neighbours ``R(i, k)`` are those of
            mutual rank <= k, for every k.
    """

    descriptors: NDArray[np.float64]
    nearest: NDArray[np.int32]
    distance: NDArray[np.float64]
    farthest: NDArray[np.float64]
    mutual_rank: NDArray[np.int32]


def neighbour_graph(descriptors: Tensor, k: int) -> NeighbourGraph:
    """Find the neighbours of a set of images within the set; see :class:`NeighbourGraph`.

    Args:
        descriptors: float64 unit rows ``[N, D]`` on any device.
        k: Neighbours per image; more than N means all.
    """
    found = nearest_neighbours(descriptors, descriptors, min(k, len(descriptors)))
    rows = np.ascontiguousarray(descriptors.cpu().numpy())
    return NeighbourGraph(rows, *found, mutual_ranks(found.nearest))


def mutual_ranks(index: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the larger rank of both directions, int32 ``[N, k]``; see :class:`NeighbourGraph`.

    Args:
        index: Neighbours within the same set, nearest first, int32 ``[N, k]``.
    """
    rows, k = index.shape
    rank = np.tile(np.arange(k, dtype=np.int32), rows)
    held = csr_matrix((rank, index.ravel(), np.arange(0, rows * k + 1, k)), (rows, rows)).tocsc()
    holders = held.indptr.astype(np.int64), held.indices, held.data
    mutual = np.empty_like(index)
    map_blocks(lambda start, stop: _mutual_ranks(start, stop, index, *holders, mutual), rows)
    return mutual


@kernel
def _mutual_ranks(
    start: int,
    stop: int,
    index: NDArray[np.int32],
    pointer: NDArray[np.int64],
    holder: NDArray[np.int32],
    rank: NDArray[np.int32],
    mutual: NDArray[np.int32],
) -> None:
    """Image i is a neighbour of ``holder[pointer[i] : pointer[i + 1]]``, at ``rank``."""
    rank_for = np.full(len(index), ABSENT, np.int32)
    for row in range(start, stop):
        first, last = pointer[row], pointer[row + 1]
        for item in range(first, last):
            rank_for[holder[item]] = rank[item]
        for place in range(index.shape[1]):
            mutual[row, place] = max(np.int32(place), rank_for[index[row, place]])
        for item in range(first, last):
            rank_for[holder[item]] = ABSENT
