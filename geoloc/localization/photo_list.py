"""The photos that a user asks about, whatever form they come in."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from geoloc.datasets.photo_files import photo_files
from geoloc.datasets.photo_positions import PhotoPositions, Position
from geoloc.errors import CoordinateError, ImageError
from geoloc.geo.exif_gps import GPS_BLOCK, position_of_tags
from geoloc.localization.answer import Unread
from geoloc.localization.describer import Photo


class NamedPhoto(NamedTuple):
    """A photo to localize.

    Attributes:
        name: Its file, or ``image_<number>`` for an image without one.
        photo: File or image.
        position: (lat, lon) in degrees where it says that it was taken, or None.
    """

    name: Path
    photo: Photo
    position: Position | None


def list_photos(
    images: Photo | Iterable[Photo], positions: str | Path | PhotoPositions | None = None
) -> tuple[list[NamedPhoto], list[Unread]]:
    """Return the photos among files, folders, Pillow images and arrays, in that order.

    Args:
        images: One or several of these; a file that is named twice counts once. An
            array ``[H, W]`` or ``[H, W, 3]`` is one image.
        positions: Table of positions, its paths relative to each folder, or what looks them up.

    Returns:
        The photos, and the files that are none. A position that cannot be read is unknown: that
        does not keep a photo from being localized.
    """
    single = isinstance(images, str | Path | Image.Image | np.ndarray)
    given: Any = [images] if single else images
    photos: list[NamedPhoto] = []
    unread: list[Unread] = []
    tables: dict[Path, PhotoPositions] = {}
    seen: set[Path] = set()
    for number, image in enumerate(given):
        if isinstance(image, str | Path):
            root = Path(image) if Path(image).is_dir() else Path(image).parent
            if root not in tables:
                tables[root] = (
                    positions
                    if isinstance(positions, PhotoPositions)
                    else PhotoPositions(root, positions)
                )
            files, unusable = photo_files([image])
            for file in (file for file in files if file not in seen):
                photos.append(NamedPhoto(file, file, _position(tables[root], file)))
            unread += [Unread(*one) for one in unusable.items() if one[0] not in seen]
            seen.update(files, unusable)
        else:
            name = getattr(image, "filename", "") or f"image_{number}"
            photos.append(NamedPhoto(Path(name), image, _position_in_memory(image, name)))
    return photos, unread


def _position(table: PhotoPositions, file: Path) -> Position | None:
    try:
        return table.of(file)
    except (CoordinateError, ImageError):
        return None


def _position_in_memory(image: Any, name: str) -> Position | None:
    if not isinstance(image, Image.Image):
        return None
    try:
        found = position_of_tags(image.getexif().get_ifd(GPS_BLOCK), name)
    except Exception:  # Pillow's parsers raise half a dozen types on broken blocks
        return None
    return None if found is None else (found.lat, found.lon)
