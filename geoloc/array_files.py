"""Arrays from ``.npy`` and ``.npz`` files of anybody: plain numbers and texts, of honest size.

Nothing is unpickled, and no file makes a reader ask for more memory than it can fill.
"""

import math
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

# Deflate packs 1000 zeros into a byte. Descriptors shrink by a few percent, tables of small numbers
# to a twentieth.
MOST_UNPACKED, MOST_RATIO = 2**26, 100
NPY, ZIP = b"\x93NUMPY", b"PK"

T = TypeVar("T")


class ArrayFault(ValueError):
    """Why a file holds no arrays that can be read; whoever asked for them names the file."""


def read_array(file: str | Path, mmap_mode: Literal["r"] | None = None) -> NDArray[Any]:
    """Read an ``.npy`` file.

    Args:
        file: The file.
        mmap_mode: ``r`` leaves the content on the disk.

    Raises:
        ArrayFault: If it holds something else, objects, or less than its header says.
    """

    def read() -> NDArray[Any]:
        if not _begins_with(file, NPY):
            raise ArrayFault("it is no .npy file")
        with open(file, "rb") as stream:
            _check_header(stream, Path(file).stat().st_size)
        array: NDArray[Any] = np.load(file, mmap_mode=mmap_mode, allow_pickle=False)
        return array

    return _guarded(read)


def read_arrays(file: str | Path, names: Iterable[str] | None = None) -> dict[str, NDArray[Any]]:
    """Read arrays of an ``.npz`` file.

    Args:
        file: The file.
        names: Which; those that it does not have are left out. By default all.

    Raises:
        ArrayFault: If it holds something else, objects, or unpacks to far more than its size.
    """

    def read() -> dict[str, NDArray[Any]]:
        check_archive(file)
        with np.load(file, allow_pickle=False) as content:
            wanted = content.files if names is None else [n for n in names if n in content.files]
            for name in wanted:
                member = name if name in content.zip.namelist() else f"{name}.npy"
                with content.zip.open(member) as stream:
                    _check_header(stream, content.zip.getinfo(member).file_size)
            return {name: content[name] for name in wanted}

    return _guarded(read)


def array_names(file: str | Path) -> list[str]:
    """Return the names of the arrays of an ``.npz`` file; errors as ``read_arrays``."""

    def read() -> list[str]:
        check_archive(file)
        with np.load(file, allow_pickle=False) as content:
            return [*content.files]

    return _guarded(read)


def is_archive(file: str | Path) -> bool:
    """Return whether a file begins as an ``.npz`` does."""
    return _begins_with(file, ZIP)


def check_archive(file: str | Path) -> None:
    """Refuse a zip archive that would unpack to far more than its size.

    Raises:
        ArrayFault: If it would, or is none.
    """
    if not is_archive(file):
        raise ArrayFault("it is no .npz file")
    with zipfile.ZipFile(file) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    size = Path(file).stat().st_size
    if unpacked > max(MOST_UNPACKED, MOST_RATIO * size):
        raise ArrayFault(f"its {size} bytes would unpack to {unpacked}, which no honest file does")


def _check_header(stream: IO[bytes], size: int) -> None:
    """Compare what the header of an ``.npy`` file says with the size of the file in bytes."""
    if stream.read(len(NPY)) != NPY:
        raise ArrayFault("it holds something else than arrays")
    major, _ = stream.read(2)
    read = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
    if major not in read:  # 3: names of fields beyond latin1, which no array here has
        raise ArrayFault(f"its format version {major} is not read here")
    shape, _, dtype = read[major](stream)
    if dtype.hasobject:
        raise ArrayFault("it holds Python objects, which can run code when they are read")
    if min(shape, default=0) < 0:
        raise ArrayFault(f"its header says the shape {list(shape)}")
    # Python's numbers, for numpy's product overflows
    missing = stream.tell() + math.prod(shape) * dtype.itemsize - size
    if missing > 0:
        raise ArrayFault(f"it is cut off, {missing} bytes are missing")


def _begins_with(file: str | Path, magic: bytes) -> bool:
    with open(file, "rb") as stream:
        return stream.read(len(magic)) == magic


def _guarded(read: Callable[[], T]) -> T:
    try:
        return read()
    except ArrayFault:
        raise
    except Exception as error:  # numpy, zipfile and zlib raise half a dozen types on broken files
        reason = "it holds Python objects, which can run code when they are read"
        if "allow_pickle" not in str(error):
            reason = " ".join(str(error).split()) or type(error).__name__
        raise ArrayFault(reason) from error
