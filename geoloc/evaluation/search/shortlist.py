"""The best columns of every row of a matrix that is seen one tile after the other."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoloc.evaluation.row_blocks import map_blocks
from geoloc.evaluation.search.result import order_keys
from geoloc.kernel import kernel

LAST = np.iinfo(np.int64).max
COLUMNS_PER_LOOK = 64


class Shortlist:
    """The ``keep`` columns of highest score of every row, equal scores by column.

    Args:
        rows: Rows of the matrix.
        keep: Columns to keep of every row.
        device: Where the scores will be.
    """

    def __init__(self, rows: int, keep: int, device: torch.device) -> None:
        # On the CPU a row has twice the room: keys are added until it is full, then the better half
        # goes to the front, and the rest of the columns must beat the worst score of that half.
        room = 2 * keep if device.type == "cpu" else keep
        self.keep = keep
        self.keys = torch.full((rows, room), LAST, device=device)
        self.count = np.zeros(rows, np.int64)
        self.bound = np.full(rows, np.nan, np.float32)  # nothing is below NaN

    def offer(self, rows: slice, scores: Tensor, first: int) -> None:
        """Look at the next tile.

        Args:
            rows: The rows of the tile, ``r`` of them.
            scores: float32 ``[r, c]`` of columns ``first`` and up; every row sees its columns in
                ascending order.
            first: Column of the first score.
        """
        if scores.device.type != "cpu":
            columns = torch.arange(first, first + scores.shape[1], device=scores.device)
            keys = torch.cat([self.keys[rows], order_keys(scores, columns)], dim=1)
            self.keys[rows] = keys.topk(self.keep, largest=False, sorted=False).values
            return
        tile = scores.numpy()
        bits = tile.view(np.int32)
        kept, count, bound = self.keys[rows].numpy(), self.count[rows], self.bound[rows]

        def block(start: int, stop: int) -> None:
            part = slice(start, stop)
            _collect(tile[part], bits[part], first, kept[part], count[part], bound[part])

        map_blocks(block, len(tile), size=128)

    def best(self) -> Tensor:
        """Return the keys (:func:`order_keys`) of the kept columns, ascending, ``[rows, keep]``."""
        return self.keys.sort(dim=1).values[:, : self.keep]


@kernel
def _collect(
    scores: NDArray[np.float32],
    bits: NDArray[np.int32],
    first: int,
    keys: NDArray[np.int64],
    counts: NDArray[np.int64],
    bounds: NDArray[np.float32],
) -> None:
    keep = keys.shape[1] // 2
    columns = scores.shape[1]
    for row in range(len(scores)):
        count, bound = counts[row], bounds[row]
        for start in range(0, columns, COLUMNS_PER_LOOK):
            stop = min(start + COLUMNS_PER_LOOK, columns)
            # Hardly ever does one beat the bound: first see whether, with vector instructions.
            # At the bound itself later columns lose; NaN beats it, so that the caller sees it.
            better = False
            for column in range(start, stop):
                better |= not scores[row, column] <= bound
            if not better:
                continue
            for column in range(start, stop):
                if scores[row, column] <= bound:
                    continue
                # 0 for -0.0 too; else as in order_keys
                mirrored = np.int64(bits[row, column]) if scores[row, column] != 0 else 0
                mirrored ^= mirrored >> 31 & 0x7FFF_FFFF
                keys[row, count] = ~mirrored << 32 | (first + column)
                count += 1
                if count == 2 * keep:
                    keys[row] = np.partition(keys[row], keep - 1)
                    count = keep
                    bound = score_of(keys[row, keep - 1])
        counts[row], bounds[row] = count, bound


@kernel
def score_of(key: int) -> np.float32:
    """Return what :func:`geoloc.evaluation.search.result.scores_of` returns, of one key."""
    mirrored = ~(key >> 32)
    return np.int32(mirrored ^ (mirrored >> 31 & 0x7FFF_FFFF)).view(np.float32)
