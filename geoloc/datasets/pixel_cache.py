"""Decoded images on disk."""

import hashlib
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoloc.array_files import ArrayFault, read_array
from geoloc.whole_files import whole_file

Pixels = NDArray[np.uint8]


class PixelCache:
    """Keeps what a decoder made of image files, until these change.

    Several processes may share a folder, also those of several machines. A damaged or deleted
    entry is made again. A folder that is full or may not be written to costs time, not the run.

    Args:
        folder: Created when the first image is kept.
        decoder: Tells one way of decoding from another.
    """

    def __init__(self, folder: str | Path, decoder: str) -> None:
        self.folder = Path(folder)
        self.decoder = decoder

    def __call__(self, path: str, decode: Callable[[str], Pixels]) -> Pixels:
        """Return the pixels of an image, uint8 ``[H, W, 3]``.

        Raises:
            ImageError: By the decoder; also if the image is gone, whether it is kept or not.
        """
        try:
            entry = self._entry(Path(path))
        except OSError:
            return decode(path)
        try:
            return read_array(entry)
        except (FileNotFoundError, ArrayFault):
            pixels = decode(path)
        try:
            _keep(pixels, entry)
        except OSError as error:
            warnings.warn(
                f"{self.folder} cannot keep decoded images ({error}); make room there, or each is "
                "decoded every time",
                stacklevel=2,
            )
        return pixels

    def _entry(self, image: Path) -> Path:
        state = image.stat()
        text = f"{image.absolute()}\0{state.st_size}\0{state.st_mtime_ns}\0{self.decoder}"
        name = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
        return self.folder / name[:2] / f"{name[2:32]}.npy"


def _keep(pixels: Pixels, entry: Path) -> None:
    # others may write the same entry, also processes of the same number in other containers
    with whole_file(entry, writer=uuid.uuid4().hex) as stream:
        np.save(stream, pixels, allow_pickle=False)
