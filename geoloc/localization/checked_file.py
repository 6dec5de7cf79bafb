"""Files written in one step, with a checksum to know them by."""

import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from geoloc.errors import GalleryError

CHUNK = 2**20


@dataclass(frozen=True)
class FileRecord:
    """What a file must be.

    Attributes:
        name: Its name in the folder.
        bytes: Its size.
        crc32: CRC-32 of its content.
    """

    name: str
    bytes: int
    crc32: int


@contextmanager
def replacing(file: Path) -> Iterator[BinaryIO]:
    """Open a file to write that takes its place, whole and on disk, when the block ends well.

    After an exception, or if the machine stops, the place holds what it held before.
    """
    part = file.with_name(file.name + ".part")
    try:
        with part.open("wb+") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_json(file: Path, content: Any) -> None:
    """Write a JSON file in one step."""
    with replacing(file) as stream:
        stream.write(json.dumps(content, indent=2, allow_nan=False).encode() + b"\n")


def record_of(file: Path) -> FileRecord:
    """Return the record of a file as it is now."""
    return FileRecord(file.name, file.stat().st_size, _crc32(file))


def check_size(folder: Path, record: FileRecord) -> Path:
    """Return the path of a file after checking that it is there and complete.

    Raises:
        GalleryError: If it is missing or has another size; the message names it.
    """
    file = folder / record.name
    if not file.is_file():
        raise GalleryError(f"{file} is missing; copy it there or build the gallery again")
    if (size := file.stat().st_size) != record.bytes:
        raise GalleryError(
            f"{file} has {size} bytes where gallery.json says {record.bytes}: it is damaged; copy "
            "it again or build the gallery again"
        )
    return file


def check_content(folder: Path, record: FileRecord) -> None:
    """Check size and checksum of a file, which reads it as a whole.

    Raises:
        GalleryError: If they differ; the message names it.
    """
    file = check_size(folder, record)
    if _crc32(file) != record.crc32:
        raise GalleryError(
            f"{file} has another checksum than gallery.json says: it is damaged; copy it again or "
            "build the gallery again"
        )


def _crc32(file: Path) -> int:
    checksum = 0
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            checksum = zlib.crc32(chunk, checksum)
    return checksum
