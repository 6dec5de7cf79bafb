"""Rows on their way into a gallery: a descriptor and a position each, and maybe an image file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoloc.errors import GalleryError
from geoloc.geo import check_latlon
from geoloc.inner_paths import path_fault

ROWS_PER_BLOCK = 2**16


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of a gallery.

    Attributes:
        descriptors: L2-normalised, float32 ``[n, D]``.
        latlon: WGS-84 (lat, lon) in degrees, float64 ``[n, 2]``.
        images: Image files relative to the root, ``/``-separated; ``n`` or none.
    """

    descriptors: NDArray[np.float32]
    latlon: NDArray[np.float64]
    images: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.descriptors)


def checked_rows(descriptors: ArrayLike, latlon: ArrayLike, images: Sequence[str] = ()) -> Rows:
    """Normalise descriptors and check that the rows can be stored.

    Args:
        descriptors: ``[n, D]`` of any real type.
        latlon: (lat, lon) in degrees, ``[n, 2]``.
        images: Image files relative to the root, ``n`` or none.

    Raises:
        GalleryError: If lengths differ, a descriptor is zero or not finite, or an image's path
            leaves its root.
        CoordinateError: If a row is no position.
    """
    values = np.asarray(descriptors, dtype=np.float32)
    if values.ndim != 2 or not values.shape[1]:
        raise GalleryError(f"descriptors must be [n, D] with D at least 1, got {[*values.shape]}")
    places = check_latlon(latlon, "positions of the gallery")
    if len(places) != len(values) or len(images) not in (0, len(values)):
        raise GalleryError(
            f"{len(values)} descriptors, {len(places)} positions and {len(images)} images do not "
            "belong together: give one of each per row, or no image at all"
        )
    # float64: the squares of huge entries overflow float32
    length = np.linalg.norm(values.astype(np.float64), axis=1, keepdims=True)
    if (faulty := np.flatnonzero(~np.isfinite(length[:, 0]) | (length[:, 0] == 0))).size:
        raise GalleryError(
            f"the descriptor of gallery row {faulty[0]} is zero, NaN or infinite and has no "
            "direction; leave the image out, or describe it again"
        )
    for image in images:
        check_image_path(image)
    return Rows((values / length).astype(np.float32), places, tuple(images))


def check_image_path(image: str, where: str = "image") -> None:
    """Refuse a path that leaves its root or cannot stand in a line of text.

    Args:
        image: The path.
        where: It was found, for the message.

    Raises:
        GalleryError: If it does.
    """
    if fault := path_fault(image, "the gallery's root"):
        raise GalleryError(f"{where}: {fault}")


def blocks_of_arrays(
    descriptors: NDArray[Any], latlon: NDArray[Any], images: Sequence[str] = ()
) -> Iterator[Rows]:
    """Cut arrays, memory maps too, into checked blocks; see ``checked_rows``."""
    if len(descriptors) != len(latlon) or len(images) not in (0, len(latlon)):
        raise GalleryError(
            f"{len(descriptors)} descriptors, {len(latlon)} positions and {len(images)} images do "
            "not belong together: give one of each per row, or no image at all"
        )
    for start in range(0, len(descriptors), ROWS_PER_BLOCK):
        rows = slice(start, start + ROWS_PER_BLOCK)
        yield checked_rows(descriptors[rows], latlon[rows], images[rows])
