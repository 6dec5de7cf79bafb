"""A part of a gallery: rows that were added together, in files that never change.

::

    descriptors.npy     [n, D] float32, float16 or int8
    latlon.npy          [n, 2] float64, degrees
    images.txt          one path a line, UTF-8         } only if the rows
    image_ends.npy      [n] int64, where each line ends } have images

The files of a later part carry its number: ``descriptors-1.npy``.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from geoloc.array_files import ArrayFault, read_array
from geoloc.errors import GalleryError
from geoloc.localization.checked_file import FileRecord, check_size, record_of
from geoloc.localization.descriptor_codes import decode, encode
from geoloc.localization.gallery_rows import ROWS_PER_BLOCK, Rows, check_image_path
from geoloc.whole_files import whole_file

NPY_HEADER_BYTES = 128
TEXT = ("utf-8", "surrogateescape")  # file names need not be text
ALWAYS, WITH_IMAGES = ("descriptors.npy", "latlon.npy"), ("images.txt", "image_ends.npy")


@dataclass(frozen=True)
class PartRecord:
    """What ``gallery.json`` says of a part.

    Attributes:
        rows: Number of rows, n.
        root: Folder that the image paths are relative to; empty without images.
        files: Its files, in the order of the module's description.
    """

    rows: int
    root: str
    files: tuple[FileRecord, ...]


class GalleryPart:
    """The rows of a part, memory-mapped.

    Args:
        folder: Folder of the gallery.
        record: What it must hold.
        width: D of the gallery.
        dtype: Type of its descriptors.

    Raises:
        GalleryError: If a file is missing, incomplete or holds something else.
    """

    def __init__(self, folder: Path, record: PartRecord, width: int, dtype: str) -> None:
        self.record = record
        self._files = [check_size(folder, file) for file in record.files]
        self.descriptors: NDArray[Any] = _map(self._files[0], (record.rows, width), dtype)
        self.latlon: NDArray[np.float64] = _map(self._files[1], (record.rows, 2), "float64")

    def __len__(self) -> int:
        return self.record.rows

    @property
    def has_images(self) -> bool:
        """Whether the rows have image files."""
        return len(self._files) > len(ALWAYS)

    def blocks(self, rows: slice = slice(None)) -> Iterator[Rows]:
        """Yield the rows of a slice of step 1 in blocks, as they were added."""
        start, stop, _ = rows.indices(len(self))
        for first in range(start, stop, ROWS_PER_BLOCK):
            some = slice(first, min(first + ROWS_PER_BLOCK, stop))
            images = tuple(map(self.image, range(some.start, some.stop))) if self.has_images else ()
            yield Rows(decode(self.descriptors[some]), np.array(self.latlon[some]), images)

    def image(self, row: int) -> str:
        """Return the image path of a row, relative to the root.

        Raises:
            GalleryError: If the stored path leaves the root; the message names file and line.
        """
        start = int(self._ends[row - 1]) if row else 0
        name = self._text[start : int(self._ends[row]) - 1].tobytes().decode(*TEXT)
        check_image_path(name, f"{self._files[2]}:{row + 1}")
        return name

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return _map(self._files[3], (len(self),), "int64")

    @cached_property
    def _text(self) -> NDArray[np.uint8]:
        return np.memmap(self._files[2], np.uint8, "r")


def write_part(
    folder: Path, number: int, blocks: Iterable[Rows], dtype: str, root: str
) -> tuple[PartRecord, int]:
    """Write the files of a part, of which only one block is in memory at a time.

    Args:
        folder: Folder of the gallery.
        number: Of the part, from 0.
        blocks: The rows; all of one width, all with images or all without.
        dtype: Type to store descriptors in.
        root: Folder of the images.

    Returns:
        The record, and the width D.

    Raises:
        GalleryError: If there is no row, or blocks do not fit each other.
    """
    stream = (block for block in blocks if len(block))
    first = next(stream, None)
    if first is None:
        raise GalleryError(f"{folder}: there is no row to store; see what was left out, and why")
    width, with_images = first.descriptors.shape[1], bool(first.images)
    names = ALWAYS + (WITH_IMAGES if with_images else ())
    files = [folder / _numbered(name, number) for name in names]
    rows, end = 0, 0
    with ExitStack() as stack:
        descriptors, latlon, *images = [stack.enter_context(whole_file(file)) for file in files]
        arrays = [descriptors, latlon, *images[1:]]
        for array in arrays:
            array.write(bytes(NPY_HEADER_BYTES))
        for block in chain([first], stream):
            if block.descriptors.shape[1] != width or bool(block.images) != with_images:
                raise GalleryError(
                    f"{folder}: after {rows} rows of width {width} "
                    f"{'with' if with_images else 'without'} images come others; add them by "
                    "separate calls of append"
                )
            descriptors.write(encode(block.descriptors, dtype).tobytes())
            latlon.write(np.asarray(block.latlon, np.float64).tobytes())
            if with_images:
                lines = [image.encode(*TEXT) + b"\n" for image in block.images]
                images[0].write(b"".join(lines))
                ends = end + np.cumsum([len(line) for line in lines], dtype=np.int64)
                images[1].write(ends.tobytes())
                end = int(ends[-1])
            rows += len(block)
        types = (dtype, "float64", "int64")
        shapes: tuple[tuple[int, ...], ...] = ((rows, width), (rows, 2), (rows,))
        for array, kind, shape in zip(arrays, types, shapes, strict=False):
            _write_header(array, kind, shape)
    return PartRecord(rows, root if with_images else "", tuple(map(record_of, files))), width


def _numbered(name: str, number: int) -> str:
    stem, _, suffix = name.partition(".")
    return f"{stem}-{number}.{suffix}" if number else name


def _map(file: Path, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """Return the array of a file after comparing its header with what it must hold."""
    try:
        array = read_array(file, mmap_mode="r")
    except ArrayFault as error:
        raise GalleryError(f"{file} is no array file: {error}; copy it again") from error
    if array.shape != shape or array.dtype != dtype:
        raise GalleryError(
            f"{file} holds {array.dtype} {[*array.shape]} where gallery.json says {dtype} "
            f"{[*shape]}; copy it again or build the gallery again"
        )
    return array


def _write_header(stream: BinaryIO, dtype: str, shape: tuple[int, ...]) -> None:
    """Fill in the header of an ``.npy`` file of format 1.0, whose shape is known at the end."""
    descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
    text = repr({"descr": descr, "fortran_order": False, "shape": shape})
    header = np.lib.format.magic(1, 0) + (NPY_HEADER_BYTES - 10).to_bytes(2, "little")
    stream.seek(0)
    stream.write(header + text.ljust(NPY_HEADER_BYTES - 11).encode() + b"\n")
