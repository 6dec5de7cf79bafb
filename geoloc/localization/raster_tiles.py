"""Tiles of a georeferenced raster."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geoloc.errors import ConfigError, ImageError
from geoloc.geo import geodesic_distance
from geoloc.geo.geotiff import GeoReference, any_size, read_georeference


@dataclass(frozen=True, eq=False)
class Tile:
    """A square on the ground.

    Attributes:
        name: ``<file>#xywh=<column>,<row>,<width>,<height>``, a W3C media fragment in pixels.
        pixels: RGB uint8 ``[H, W, 3]``.
        latlon: (lat, lon) in degrees of its centre.
    """

    name: str
    pixels: NDArray[np.uint8]
    latlon: tuple[float, float]


def raster_tiles(file: Path, ground_size_m: float, overlap: float = 0.0) -> Iterator[Tile]:
    """Cut a GeoTIFF into tiles, row by row.

    Tiles of one colour throughout (no data) are left out. The tiles at the right and lower edge
    overlap their neighbours by more, so that all of the raster is covered. The raster is read as a
    whole, 3 bytes a pixel.

    Args:
        file: GeoTIFF of 8-bit grey values or colours.
        ground_size_m: Side of a tile in metres, measured in the raster's centre.
        overlap: Share of a tile's side that its neighbour covers too, 0 .. less than 1.

    Raises:
        ConfigError: If ``overlap`` or ``ground_size_m`` cannot work for this raster.
        ImageError: If the file has no usable georeference, or cannot be decoded.
    """
    reference = read_georeference(file)
    width, height = tile_size(reference, ground_size_m)
    if not 0 <= overlap < 1:
        raise ConfigError(f"overlap={overlap} must be at least 0 and less than 1")
    if width > reference.size[0] or height > reference.size[1] or min(width, height) < 1:
        across, down = metres_per_pixel(reference) * reference.size
        raise ConfigError(
            f"ground_size_m={ground_size_m} gives tiles of {width} x {height} pixels, but {file} "
            f"has {reference.size[0]} x {reference.size[1]}, {across:.0f} m x {down:.0f} m"
        )
    pixels = _pixels(file)
    columns = tile_starts(reference.size[0], width, overlap)
    for row in tile_starts(reference.size[1], height, overlap):
        centres = [(column + width / 2, row + height / 2) for column in columns]
        for column, latlon in zip(columns, reference.latlon(centres).tolist(), strict=True):
            tile = pixels[row : row + height, column : column + width]
            if (tile != tile[0, 0]).any():
                name = f"{file.name}#xywh={column},{row},{width},{height}"
                yield Tile(name, tile, (latlon[0], latlon[1]))


def metres_per_pixel(reference: GeoReference) -> NDArray[np.float64]:
    """Return how many metres one column and one row measure in the raster's centre, ``[2]``."""
    x, y = np.array(reference.size) / 2
    step = np.array(reference.size) / 8  # many pixels, for one may be a millimetre
    ends = [[x - step[0], y], [x + step[0], y], [x, y - step[1]], [x, y + step[1]]]
    left, right, above, below = reference.latlon(ends)
    across = geodesic_distance([left], [right])[0, 0]
    down = geodesic_distance([above], [below])[0, 0]
    return np.array([across, down]) / (2 * step)


def tile_size(reference: GeoReference, ground_size_m: float) -> tuple[int, int]:
    """Return width and height in pixels of a square on the ground."""
    width, height = np.rint(ground_size_m / metres_per_pixel(reference)).astype(int).tolist()
    return width, height


def tile_starts(length: int, size: int, overlap: float) -> list[int]:
    """Return where tiles of ``size`` begin that cover ``0 .. length``, the last flush."""
    stride = max(1, round(size * (1 - overlap)))
    starts = list(range(0, length - size + 1, stride))
    return starts if starts[-1] == length - size else [*starts, length - size]


def _pixels(file: Path) -> NDArray[np.uint8]:
    try:
        with any_size(), Image.open(file, formats=["TIFF"]) as image:
            if image.mode not in ("L", "RGB", "RGBA", "P", "CMYK", "YCbCr", "LA", "1"):
                raise ValueError(f"pixels of mode {image.mode!r} are no 8-bit grey or colour")
            return np.array(image.convert("RGB"))
    except Exception as error:  # Pillow's decoders raise half a dozen types on broken files
        raise ImageError(
            f"{file} cannot be decoded ({error}); export it as 8-bit RGB GeoTIFF, uncompressed, "
            "LZW or deflate"
        ) from error
