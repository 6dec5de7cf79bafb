"""Steps 4 and 5 of k-reciprocal re-ranking: every image as a sparse vector over its neighbours."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from geoloc.evaluation.rerank.neighbour_graph import NeighbourGraph
from geoloc.evaluation.rerank.reciprocal_sets import ImageSets, expand, reciprocal_sets
from geoloc.evaluation.row_blocks import map_blocks
from geoloc.kernel import kernel


class Encodings(NamedTuple):
    """Sparse rows over the images of a set; row i lies in ``pointer[i] : pointer[i + 1]``.

    Attributes:
        pointer: int64 ``[n + 1]``.
        images: The non-zero images, int32.
        values: Their values, float64.
    """

    pointer: NDArray[np.int64]
    images: NDArray[np.int32]
    values: NDArray[np.float64]


def encode(graph: NeighbourGraph, k1: int, k2: int, power: int) -> Encodings:
    """Return the encoding V of every image; its rows sum to 1.

    ``V[i, j] = exp(-D[i, j])``, normalised, for j in the expanded k1-reciprocal neighbours of i;
    then each row becomes the mean of the rows of its first k2 neighbours, itself included.

    Args:
        graph: Neighbours up to rank ``max(k1, k2 - 1)``, or all of them.
        k1: Neighbours of a reciprocal set.
        k2: Neighbours whose encodings are averaged.
        power: Of the cosine distance in D, 1 or 2.
    """
    sets = expand(reciprocal_sets(graph, k1), reciprocal_sets(graph, round(k1 / 2)))
    plain = Encodings(*sets, _weights_of(graph, sets, power))
    if k2 == 1:
        return plain
    nearest = np.ascontiguousarray(graph.nearest[:, :k2])
    arrays = nearest, *plain
    blocks = map_blocks(lambda start, stop: _average(start, stop, *arrays), len(nearest))
    counts, images, values = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return Encodings(np.append(0, np.cumsum(counts)), images, values)


def by_image(rows: Encodings, first: int) -> Encodings:
    """Transpose: for every image the rows, from ``first`` on and counted from there, that hold it.

    Args:
        rows: N encodings over N images.
        first: The first row that counts.
    """
    n = len(rows.pointer) - 1
    start = rows.pointer[first]
    entries = rows.values[start:], rows.images[start:], rows.pointer[first:] - start
    turned = csr_matrix(entries, (n - first, n)).tocsc()
    return Encodings(turned.indptr.astype(np.int64), turned.indices, turned.data)


def _weights_of(graph: NeighbourGraph, sets: ImageSets, power: int) -> NDArray[np.float64]:
    weights = np.empty(len(sets.images))
    arrays = graph.descriptors, graph.nearest, graph.distance, graph.farthest

    def block(start: int, stop: int) -> None:
        _weights(start, stop, *arrays, *sets, power, weights)

    map_blocks(block, len(graph.nearest))
    return weights


@kernel
def _weights(
    start: int,
    stop: int,
    descriptors: NDArray[np.float64],
    index: NDArray[np.int32],
    distance: NDArray[np.float64],
    farthest: NDArray[np.float64],
    pointer: NDArray[np.int64],
    images: NDArray[np.int32],
    power: int,
    weights: NDArray[np.float64],
) -> None:
    known = np.full(len(index), -1.0)
    for row in range(start, stop):
        for place in range(index.shape[1]):
            known[index[row, place]] = distance[row, place]
        scale = farthest[row] if farthest[row] > 0 else 1.0
        total = 0.0
        for item in range(pointer[row], pointer[row + 1]):
            far = known[images[item]]
            if far < 0:  # not among the nearest, whose distances were kept
                far = 1 - _dot(descriptors, row, images[item])
            share = far / scale
            weights[item] = math.exp(-share * share if power == 2 else -share)
            total += weights[item]
        for item in range(pointer[row], pointer[row + 1]):
            weights[item] /= total
        for place in range(index.shape[1]):
            known[index[row, place]] = -1


@kernel
def _dot(descriptors: NDArray[np.float64], a: int, b: int) -> float:
    """Add up four sums side by side, so that no addition waits for the one before."""
    width = descriptors.shape[1]
    s0 = s1 = s2 = s3 = 0.0
    for d in range(0, width - 3, 4):
        s0 += descriptors[a, d] * descriptors[b, d]
        s1 += descriptors[a, d + 1] * descriptors[b, d + 1]
        s2 += descriptors[a, d + 2] * descriptors[b, d + 2]
        s3 += descriptors[a, d + 3] * descriptors[b, d + 3]
    for d in range(width // 4 * 4, width):
        s0 += descriptors[a, d] * descriptors[b, d]
    return (s0 + s1) + (s2 + s3)


@kernel
def _average(
    start: int,
    stop: int,
    nearest: NDArray[np.int32],
    pointer: NDArray[np.int64],
    images: NDArray[np.int32],
    values: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Return the number of images of every mean row, and their images and values."""
    rows, k2 = nearest.shape
    total, held = np.zeros(rows), np.zeros(rows, np.uint8)
    counts = np.empty(stop - start, np.int64)
    # One more, for the last write of an image that is there already. Pages never written are free.
    found = np.empty((stop - start) * rows + 1, np.int32)
    means = np.empty(len(found))
    end = 0
    for row in range(start, stop):
        first = end
        for place in range(k2):
            other = nearest[row, place]
            for item in range(pointer[other], pointer[other + 1]):
                found[end] = images[item]
                end += held[images[item]] == 0
                held[images[item]] = 1
                total[images[item]] += values[item]
        for item in range(first, end):
            means[item] = total[found[item]] / k2
            total[found[item]] = 0
            held[found[item]] = 0
        counts[row - start] = end - first
    return counts, found[:end].copy(), means[:end].copy()
