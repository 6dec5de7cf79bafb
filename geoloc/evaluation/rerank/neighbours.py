"""The exact nearest neighbours of descriptors, in chunks of bounded memory."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoloc.evaluation.row_blocks import map_blocks
from geoloc.kernel import kernel

PAIRS_PER_CHUNK = 2**21
# Distances are compared in steps of 2^-36 (1.5e-11), far above the rounding errors of float64:
# equal descriptors tie. Steps and column make one integer of 63 bits that sorts by both; it holds
# distances below 32.
STEPS = 2.0**36
COLUMN_BITS = 22
UNIT_TOLERANCE = 1e-6


class Neighbours(NamedTuple):
    """The nearest columns of every row.

    Attributes:
        nearest: Columns, nearest first, equal distances by column, int32 ``[n, k]``.
        distance: Their cosine distances ``1 - cos`` in 0 .. 2, float64 ``[n, k]``.
        farthest: Cosine distance of the farthest of all columns, float64 ``[n]``.
    """

    nearest: NDArray[np.int32]
    distance: NDArray[np.float64]
    farthest: NDArray[np.float64]


def unit_rows(descriptors: Tensor, name: str) -> Tensor:
    """Return the descriptors with norm 1 in float64.

    Those that were normalised in float32 already, so that their norm is 1 to six digits, stay as
    they are: ``rank`` compares them like that, and so do the published codes.

    Args:
        descriptors: Finite descriptors ``[n, D]``.
        name: What they are, for the error.

    Raises:
        ValueError: If a descriptor is zero.
    """
    rows = descriptors.detach().double()
    zero = (rows == 0).all(dim=1)
    if bool(zero.any()):
        raise ValueError(
            f"the descriptor of {name} {int(zero.nonzero()[0])} is zero: it has no direction and "
            "no cosine; leave the image out or describe it again."
        )
    # Divided by their largest entry first: squares of huge or tiny ones overflow or vanish.
    scaled = rows / rows.abs().amax(dim=1, keepdim=True) if rows.numel() else rows
    unit = scaled / scaled.norm(dim=1, keepdim=True)
    is_unit = (rows.norm(dim=1, keepdim=True) - 1).abs() < UNIT_TOLERANCE
    return torch.where(is_unit, rows, unit)


def cosine_distance_chunks(rows: Tensor, columns: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Compute the cosine distances of all pairs, one run of rows after the other.

    Args:
        rows: float64 unit rows ``[n, D]``.
        columns: float64 unit rows ``[m, D]`` on the same device.

    Yields:
        The rows as a slice, and their distances, at least 0 and at most 2 but for rounding,
        float64 ``[r, m]``; the next chunk overwrites them.
    """
    one = rows.new_ones(1)
    step = max(1, min(len(rows), PAIRS_PER_CHUNK // len(columns)))
    buffer = rows.new_empty(step, len(columns))  # fresh memory costs as much as the product
    for start in range(0, len(rows), step):
        chunk = slice(start, min(start + step, len(rows)))
        distances = buffer[: chunk.stop - start]
        torch.addmm(one, rows[chunk], columns.T, alpha=-1, out=distances)
        yield chunk, distances.clamp_min_(0)  # a norm slightly above 1 gives less than 0


def nearest_neighbours(rows: Tensor, columns: Tensor, k: int) -> Neighbours:
    """Find the k nearest columns of every row by cosine distance.

    The product and the selection run on the device of the tensors.

    Args:
        rows: float64 unit rows ``[n, D]``.
        columns: float64 unit rows ``[m, D]``, at most four million.
        k: Neighbours per row, 1 .. m.
    """
    index = np.empty((len(rows), k), np.int32)
    distance, farthest = np.empty(index.shape), np.empty(len(rows))
    for chunk, distances in cosine_distance_chunks(rows, columns):
        keys = nearest_keys(distances, k)
        index[chunk] = columns_of(keys)
        distance[chunk] = (keys >> COLUMN_BITS) / STEPS
        farthest[chunk] = distances.amax(dim=1).cpu().numpy()
    # 0 and not 1e-16 where all columns equal the row: distances are divided by it
    farthest = np.rint(farthest * STEPS) / STEPS
    return Neighbours(index, distance, farthest)


def nearest_keys(distances: Tensor, k: int) -> NDArray[np.int64]:
    """Select the k smallest distances of every row; equal ones by column.

    Args:
        distances: float64 ``[r, m]``, at least 0 and below 32.
        k: 1 .. m.

    Returns:
        Ascending keys, int64 ``[r, k]``: the distance in ``STEPS``, shifted by ``COLUMN_BITS``,
        plus the column.
    """
    if distances.device.type != "cpu":
        return _keys_by_torch(distances, k)
    rows = distances.numpy()

    def block(start: int, stop: int) -> NDArray[np.int64]:
        found: NDArray[np.int64] = np.full((stop - start, 2 * k), np.iinfo(np.int64).max)
        _collect(rows[start:stop], found)
        found.sort(axis=1)
        return found[:, :k]

    return np.concatenate(map_blocks(block, len(rows), size=16))


def columns_of(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the columns of keys from :func:`nearest_keys`."""
    columns: NDArray[np.int64] = keys & (2**COLUMN_BITS - 1)
    return columns


def _keys_by_torch(distances: Tensor, k: int) -> NDArray[np.int64]:
    keys = (distances * STEPS).round_().long() << COLUMN_BITS
    keys |= torch.arange(keys.shape[1], device=keys.device)
    smallest: NDArray[np.int64] = keys.topk(k, largest=False).values.cpu().numpy()
    return smallest


@kernel
def _collect(distances: NDArray[np.float64], found: NDArray[np.int64]) -> None:
    """Write 2 k keys per row into ``found`` that contain the k smallest."""
    k = found.shape[1] // 2
    for row in range(len(distances)):
        count, bound, reach = 0, np.iinfo(np.int64).max, np.inf
        for column in range(distances.shape[1]):
            if distances[row, column] > reach:  # most are; at the bound itself later columns lose
                continue
            steps = np.int64(np.rint(distances[row, column] * STEPS))
            key = (steps << COLUMN_BITS) | column
            if key < bound:
                found[row, count] = key
                count += 1
                if count == 2 * k:
                    found[row] = np.partition(found[row], k - 1)
                    count, bound = k, found[row, k - 1]
                    reach = (bound >> COLUMN_BITS) / STEPS
