"""Files with a checksum to know them by."""

import zlib
from dataclasses import dataclass
from pathlib import Path

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
