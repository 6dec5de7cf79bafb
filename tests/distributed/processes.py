"""Run one function in groups of 1, 2 and 4 processes that are started once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.multiprocessing import spawn

WORLD_SIZES = (1, 2, 4)

Work = Callable[[Path], Any]


def in_groups(work: Work, folder: Path) -> dict[int, list[Any]]:
    """Return what ``work(folder)`` gave on every rank, by the number of processes.

    Args:
        work: A function of a module, since other processes look it up by its name. What it returns
            must be tensors, numbers, strings and containers of them.
        folder: Where the processes meet and leave their results.
    """
    spawn(_take_part, (work, folder), nprocs=max(WORLD_SIZES))
    return {
        size: [torch.load(_result(folder, size, rank)) for rank in range(size)]
        for size in WORLD_SIZES
    }


def _take_part(rank: int, work: Work, folder: Path) -> None:
    torch.set_num_threads(1)
    for size in WORLD_SIZES:
        if rank < size:
            store = dist.FileStore(str(folder / f"store{size}"), size)
            dist.init_process_group("gloo", store=store, rank=rank, world_size=size)
            torch.save(work(folder), _result(folder, size, rank))
            dist.destroy_process_group()


def _result(folder: Path, size: int, rank: int) -> Path:
    return folder / f"result_{rank}_of_{size}.pth"
