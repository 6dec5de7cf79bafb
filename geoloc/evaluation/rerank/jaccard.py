"""Steps 6 and 7 of k-reciprocal re-ranking: the Jaccard distance, mixed with the original one."""

import numpy as np
from numpy.typing import NDArray

from geoloc.evaluation.rerank.encoding import Encodings
from geoloc.evaluation.row_blocks import map_blocks
from geoloc.kernel import kernel


def jaccard_distance(
    chunk: slice,
    rows: Encodings,
    columns: Encodings,
    original: NDArray[np.float64],
    lam: float,
) -> NDArray[np.float64]:
    """Return ``(1 - lam) (1 - m / (2 - m)) + lam D`` with ``m = sum_c min(V[i, c], V[j, c])``.

    Only the images c in both encodings are visited, which are few.

    Args:
        chunk: The rows i that are asked about.
        rows: V of all rows.
        columns: V of the m columns j, turned by ``by_image``.
        original: D, the original distances over their row maximum, float64 ``[r, m]``.
        lam: Weight of the original distance.

    Returns:
        float64 ``[r, m]``.
    """
    result = np.empty_like(original)

    def block(start: int, stop: int) -> None:
        _mixed(start + chunk.start, *rows, *columns, original[start:stop], lam, result[start:stop])

    map_blocks(block, len(result), size=8)
    return result


@kernel
def _mixed(
    first: int,
    row_pointer: NDArray[np.int64],
    row_images: NDArray[np.int32],
    row_values: NDArray[np.float64],
    pointer: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float64],
    original: NDArray[np.float64],
    lam: float,
    result: NDArray[np.float64],
) -> None:
    common = np.empty(result.shape[1])
    for row in range(len(result)):
        common[:] = 0
        for place in range(row_pointer[first + row], row_pointer[first + row + 1]):
            image, value = row_images[place], row_values[place]
            for item in range(pointer[image], pointer[image + 1]):
                common[columns[item]] += min(value, values[item])
        for column in range(len(common)):
            jaccard = 1 - common[column] / (2 - common[column])
            result[row, column] = (1 - lam) * jaccard + lam * original[row, column]
