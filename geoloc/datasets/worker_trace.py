"""Which file a data loading process was reading when it died."""

import mmap
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from torch.utils.data import get_worker_info

from geoloc.errors import ImageError

SLOTS, SLOT_BYTES = 256, 2048
_DIED = re.compile(r"DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\)")
# Shared with every process that is forked later; a process's slot is its number modulo SLOTS.
_SLOTS = mmap.mmap(-1, SLOTS * SLOT_BYTES)


def note_reading(file: str) -> None:
    """Remember, where the parent process can see it, what a loading process reads from now on."""
    if get_worker_info() is not None:
        text = f"{os.getpid()}\0{file}".encode(errors="surrogateescape")[: SLOT_BYTES - 1] + b"\0"
        start = os.getpid() % SLOTS * SLOT_BYTES
        _SLOTS[start : start + len(text)] = text


def last_read(pid: int) -> str | None:
    """Return the file that a loading process noted last, None if nothing is known of it."""
    start = pid % SLOTS * SLOT_BYTES
    owner, file, *_ = _SLOTS[start : start + SLOT_BYTES].split(b"\0", 2)
    return file.decode(errors="surrogateescape") if owner == str(pid).encode() else None


@contextmanager
def naming_dead_workers() -> Iterator[None]:
    """Say which file was being read where a loading process dies within the block.

    Raises:
        ImageError: Instead of torch's RuntimeError, which only knows the process.
    """
    try:
        yield
    except RuntimeError as error:
        if (died := _DIED.search(str(error))) is None:
            raise
        pids = [int(pid) for pid in died[1].split(",")]
        files = ", ".join(last_read(pid) or "an unknown file" for pid in pids)
        raise ImageError(
            f"a process that loads images (pid {died[1]}) died while it read {files}: look whether "
            "that file is damaged and whether memory ran out (lower num_workers or batch_size), "
            "then go on with --resume"
        ) from error
