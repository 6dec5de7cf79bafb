"""Positions of the pixels of a GeoTIFF (OGC 19-008r4), read with Pillow alone.

Rasters in latitude and longitude, UTM or Web Mercator. ETRS89 and NAD83 are taken for WGS-84, from
which they differ by less than two metres.
"""

import math
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from geoloc.errors import ImageError
from geoloc.geo.coordinates import coordinate_fault
from geoloc.geo.utm import SEMI_MAJOR_M, utm_to_degrees

PIXEL_SCALE, TIEPOINT, TRANSFORMATION, GEO_KEYS = 33550, 33922, 34264, 34735
MODEL_TYPE, RASTER_TYPE, GEOGRAPHIC, PROJECTED = 1024, 1025, 2048, 3072
PIXEL_IS_POINT = 2
DEGREES = {4326, 4258, 4269, 4979}
WEB_MERCATOR = 3857
# EPSG codes of UTM: the first zone's minus 1, and the zones that have a code
UTM_NORTH = {32600: range(1, 61), 25800: range(28, 39), 26900: range(1, 24)}
UTM_SOUTH = {32700: range(1, 61)}


@dataclass(frozen=True, eq=False)
class GeoReference:
    """Where the pixels of a raster lie.

    Attributes:
        affine: Takes (column, row, 1), counted from the upper left corner of the raster in pixels,
            to x (eastward) and y (northward) in the raster's coordinates, float64 ``[2, 3]``.
        epsg: Code of these coordinates.
        size: Width and height in pixels.
    """

    affine: NDArray[np.float64]
    epsg: int
    size: tuple[int, int]

    def latlon(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """Return WGS-84 (lat, lon) in degrees of points of the raster.

        Args:
            pixels: (column, row) from the upper left corner, ``[n, 2]``; the centre of the first
                pixel is (0.5, 0.5).

        Returns:
            float64 ``[n, 2]``.
        """
        points = np.asarray(pixels, dtype=np.float64)
        x, y = self.affine[:, :2] @ points.T + self.affine[:, 2:]
        return _degrees(x, y, self.epsg)


def read_georeference(file: str | Path) -> GeoReference:
    """Read where the pixels of a GeoTIFF lie.

    Raises:
        ImageError: If the file is no TIFF, has no georeference, or one in other coordinates than
            those of this module; the message tells how to convert it.
    """
    try:
        with any_size(), Image.open(file, formats=["TIFF"]) as image:
            tags: Mapping[int, Any] = dict(getattr(image, "tag_v2", {}))
            size = image.size
    except Exception as error:  # Pillow's parsers raise half a dozen types on broken files
        raise ImageError(f"{file}: {error}; is it a complete TIFF file?") from error
    keys = _geo_keys(tags.get(GEO_KEYS, ()))
    epsg = keys.get(PROJECTED if keys.get(MODEL_TYPE) == 1 else GEOGRAPHIC)
    if epsg is None or not _is_known(epsg):
        raise ImageError(
            f"{file}: its coordinates (EPSG {epsg}) are neither latitude and longitude nor UTM nor "
            "Web Mercator; convert it: gdalwarp -t_srs EPSG:4326 IN.tif OUT.tif"
        )
    affine = _affine(tags)
    if affine is None:
        raise ImageError(
            f"{file} has no usable ModelPixelScale and ModelTiepoint, nor a ModelTransformation; "
            "export it as GeoTIFF with its georeference inside"
        )
    if keys.get(RASTER_TYPE) == PIXEL_IS_POINT:  # then the tags speak of the pixels' centres
        affine[:, 2] -= affine[:, :2] @ (0.5, 0.5)
    reference = GeoReference(affine, epsg, size)
    width, height = size
    corners = reference.latlon([[0, 0], [width, 0], [0, height], [width, height]])
    if fault := coordinate_fault(corners):
        raise ImageError(f"{file}: a corner of the raster is no position: {fault[1]}")
    return reference


@contextmanager
def any_size() -> Any:
    """Let Pillow open rasters of any size, which it otherwise takes for an attack."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _geo_keys(directory: tuple[int, ...]) -> dict[int, int]:
    """Return the keys whose value stands in the directory itself; the codes all do."""
    entries = np.array(directory[4:], dtype=np.int64)
    entries = entries[: len(entries) // 4 * 4].reshape(-1, 4)
    return {int(key): int(value) for key, place, _, value in entries if place == 0}


def _affine(tags: Mapping[int, Any]) -> NDArray[np.float64] | None:
    if TRANSFORMATION in tags:
        matrix = np.array(tags[TRANSFORMATION], dtype=np.float64)
        affine = matrix.reshape(4, 4)[:2][:, [0, 1, 3]] if matrix.size == 16 else None
    elif len(tags.get(PIXEL_SCALE, ())) >= 2 and len(tags.get(TIEPOINT, ())) >= 6:
        across, down = (float(value) for value in tags[PIXEL_SCALE][:2])
        column, row, _, x, y = (float(value) for value in tags[TIEPOINT][:5])
        affine = np.array([[across, 0.0, x - across * column], [0.0, -down, y + down * row]])
    else:
        return None
    if affine is None or not np.isfinite(affine).all() or not np.linalg.det(affine[:, :2]):
        return None
    return affine


def _is_known(epsg: int) -> bool:
    return epsg in DEGREES or epsg == WEB_MERCATOR or _utm_zone(epsg) is not None


def _utm_zone(epsg: int) -> tuple[int, bool] | None:
    """Return the zone and whether it is a southern one; None if the code is not UTM."""
    for table, south in ((UTM_NORTH, False), (UTM_SOUTH, True)):
        for base, zones in table.items():
            if epsg - base in zones:
                return epsg - base, south
    return None


def _degrees(x: NDArray[np.float64], y: NDArray[np.float64], epsg: int) -> NDArray[np.float64]:
    if epsg in DEGREES:
        return np.stack([y, x], axis=1)
    if epsg == WEB_MERCATOR:
        lat = 2 * np.arctan(np.exp(y / SEMI_MAJOR_M)) - math.pi / 2
        return np.degrees(np.stack([lat, x / SEMI_MAJOR_M], axis=1))
    zone = _utm_zone(epsg)
    assert zone is not None  # read_georeference lets no other code pass
    return utm_to_degrees(np.stack([x, y], axis=1), *zone)
