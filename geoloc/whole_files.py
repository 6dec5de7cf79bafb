"""Files that are either whole or not there, whenever a process is killed or a disk is full."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

PART = ".part"


@contextmanager
def whole_path(file: str | Path, writer: str = "") -> Iterator[Path]:
    """Give a path to write to, which gets the file's name when the block ends well.

    The content is on the disk before the name is. After an exception, or if the machine stops, the
    name stands for what it stood for before.

    Args:
        file: To write; its folder is created.
        writer: Who writes, where several may write the same file at a time.

    Raises:
        OSError: If it cannot be written; the message names the file.
    """
    file = Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{writer}{PART}" if writer else f"{file.name}{PART}")
    try:
        yield part
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(part, file)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            error.filename = str(file)  # as where the disk is full
        raise


@contextmanager
def whole_file(file: str | Path, writer: str = "") -> Iterator[BinaryIO]:
    """Open a file for writing and reading, see ``whole_path``."""
    with whole_path(file, writer) as part, part.open("wb+") as stream:
        yield stream


def write_whole(file: str | Path, content: bytes | str, writer: str = "") -> None:
    """Write bytes, or a text in UTF-8, see ``whole_path``.

    Raises:
        OSError: If it cannot be written; what was there before is still there.
    """
    with whole_path(file, writer) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def write_json(file: str | Path, content: Any) -> None:
    """Write JSON, see ``whole_path``.

    Raises:
        ValueError: If a number is not finite, which JSON cannot say.
    """
    write_whole(file, json.dumps(content, indent=2, allow_nan=False) + "\n")
