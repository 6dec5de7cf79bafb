"""Compiled kernels, run over blocks of rows on all cores."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import torch
from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])
Result = TypeVar("Result")


def kernel(function: Function) -> Function:
    """Compile a function to machine code that runs without the interpreter's lock.

    The code is kept on disk. Threads are not numba's: a process that has used those cannot be
    forked into data loader workers any more.
    """
    return cast(Function, njit(cache=True, nogil=True, error_model="numpy")(function))


def map_blocks(task: Callable[[int, int], Result], rows: int, size: int = 64) -> list[Result]:
    """Apply a task to one block of rows after the other, in as many threads as torch uses.

    Args:
        task: Called with the first row and the row after the last; blocks must not share output.
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
