"""Work on the rows of large arrays in blocks, on all cores."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Result = TypeVar("Result")


def map_blocks(task: Callable[[int, int], Result], rows: int, size: int = 64) -> list[Result]:
    """Apply a task to one block of rows after the other, in as many threads as torch uses.

    Args:
        task: Called with the first row and the row after the last; it leaves the interpreter's
            lock to the others, and blocks share no output.
        rows: Number of rows.
        size: Rows per block.

    Returns:
        The results in the order of the rows.
    """
    starts = range(0, rows, size)
    stops = [min(start + size, rows) for start in starts]
    threads = min(torch.get_num_threads(), len(starts))
    if threads < 2:
        return [task(start, stop) for start, stop in zip(starts, stops, strict=True)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(task, starts, stops))
