"""Steps 1 to 5 of k-reciprocal re-ranking: every image as a sparse vector over its neighbours."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from geoloc.evaluation.rerank.neighbour_graph import NeighbourGraph
from geoloc.evaluation.rerank.row_blocks import kernel, map_blocks


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
    half = round(k1 / 2)
    rows = len(graph.index)
    plain = _join(map_blocks(lambda *block: _encode(*block, graph, k1, half, power), rows))
    if k2 == 1:
        return plain
    nearest = np.ascontiguousarray(graph.index[:, :k2])
    return _join(map_blocks(lambda *block: _average(*block, nearest, plain), rows))


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


def _join(blocks: list[Encodings]) -> Encodings:
    counts, images, values = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return Encodings(np.append(0, np.cumsum(counts)), images, values)


@kernel
def _encode(
    start: int, stop: int, graph: NeighbourGraph, k1: int, half: int, power: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Return the number of images per row, the images and the values."""
    rows, k = graph.index.shape
    seen, known = np.zeros(rows, np.uint8), np.full(rows, -1.0)
    capacity = (stop - start) * min(rows, (k1 + 1) * (half + 2))
    counts = np.empty(stop - start, np.int64)
    images, values = np.empty(capacity, np.int32), np.empty(capacity)
    end = 0
    for row in range(start, stop):
        members = images[end:]
        count = _expanded_neighbours(row, graph, k1, half, seen, members)
        for place in range(k):
            known[graph.index[row, place]] = graph.distance[row, place]
        scale = graph.farthest[row] if graph.farthest[row] > 0 else 1.0
        total = 0.0
        for item in range(count):
            far = known[members[item]]
            if far < 0:  # not among the k nearest, whose distances were kept
                cosine = _dot(graph.descriptors[row], graph.descriptors[members[item]])
                far = max(1 - cosine, 0.0)
            values[end + item] = math.exp(-((far / scale) ** power))
            total += values[end + item]
        values[end : end + count] /= total
        for place in range(k):
            known[graph.index[row, place]] = -1
        counts[row - start] = count
        end += count
    return counts, images[:end].copy(), values[:end].copy()


@kernel
def _expanded_neighbours(
    row: int,
    graph: NeighbourGraph,
    k1: int,
    half: int,
    seen: NDArray[np.uint8],
    members: NDArray[np.int32],
) -> int:
    """Write the expanded reciprocal set into ``members`` and return its size.

    R(i, k1), and every R(j, k1 / 2) of its members j that shares more than two thirds of its own
    members with R(i, k1). ``seen`` is 0 everywhere, before and after.
    """
    count = 0
    for place in range(min(k1 + 1, graph.index.shape[1])):
        if graph.mutual_rank[row, place] <= k1:
            members[count] = graph.index[row, place]
            seen[members[count]] = 1
            count += 1
    depth = min(half + 1, graph.index.shape[1])
    for candidate in members[:count].copy():
        size, common = 0, 0
        for place in range(depth):
            if graph.mutual_rank[candidate, place] <= half:
                size += 1
                common += seen[graph.index[candidate, place]] == 1
        if 3 * common > 2 * size:
            for place in range(depth):
                other = graph.index[candidate, place]
                if graph.mutual_rank[candidate, place] <= half and seen[other] == 0:
                    members[count] = other
                    seen[other] = 2  # which does not count as shared by the other candidates
                    count += 1
    for member in members[:count]:
        seen[member] = 0
    return count


@kernel
def _dot(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Add up four sums side by side, so that no addition waits for the one before."""
    s0 = s1 = s2 = s3 = 0.0
    whole = len(a) // 4 * 4
    for d in range(0, whole, 4):
        s0 += a[d] * b[d]
        s1 += a[d + 1] * b[d + 1]
        s2 += a[d + 2] * b[d + 2]
        s3 += a[d + 3] * b[d + 3]
    for d in range(whole, len(a)):
        s0 += a[d] * b[d]
    return (s0 + s1) + (s2 + s3)


@kernel
def _average(
    start: int, stop: int, nearest: NDArray[np.int32], rows: Encodings
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Return the number of images per mean row, the images and the values."""
    total = np.zeros(len(nearest))
    held = np.zeros(len(nearest), np.uint8)
    capacity = 0
    for other in nearest[start:stop].ravel():
        capacity += rows.pointer[other + 1] - rows.pointer[other]
    counts = np.empty(stop - start, np.int64)
    images, values = np.empty(capacity, np.int32), np.empty(capacity)
    end = 0
    for row in range(start, stop):
        first = end
        for other in nearest[row]:
            for item in range(rows.pointer[other], rows.pointer[other + 1]):
                image = rows.images[item]
                if held[image] == 0:
                    held[image] = 1
                    images[end] = image
                    end += 1
                total[image] += rows.values[item]
        for item in range(first, end):
            values[item] = total[images[item]] / nearest.shape[1]
            total[images[item]] = 0
            held[images[item]] = 0
        counts[row - start] = end - first
    return counts, images[:end].copy(), values[:end].copy()
