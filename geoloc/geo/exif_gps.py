"""Where a photo was taken, from the GPS tags of its EXIF block."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from geoloc.errors import CoordinateError, ImageError
from geoloc.geo.coordinates import coordinate_fault
from geoloc.image_files import open_image

# Tags of the GPS attribute block (CIPA DC-008, Exif 2.32, table 66)
GPS_BLOCK = 0x8825
LAT_REF, LAT, LON_REF, LON, ALTITUDE_REF, ALTITUDE, ERROR = 1, 2, 3, 4, 5, 6, 31
NAMES = {LAT_REF: "GPSLatitudeRef", LAT: "GPSLatitude", LON_REF: "GPSLongitudeRef"}
NAMES |= {LON: "GPSLongitude", ALTITUDE: "GPSAltitude", ERROR: "GPSHPositioningError"}
SIGNS = {"N": 1, "S": -1, "E": 1, "W": -1}
BELOW_SEA_LEVEL = {1, 3}  # 3: the same over the ellipsoid, since Exif 3.0


@dataclass(frozen=True)
class ExifPosition:
    """Position of a camera.

    Attributes:
        lat: WGS-84 latitude in degrees.
        lon: WGS-84 longitude in degrees.
        altitude_m: Height above the sea level that the camera assumed, in m; None if not given.
        error_m: Its own estimate of the horizontal error, in m; None if not given.
    """

    lat: float
    lon: float
    altitude_m: float | None = None
    error_m: float | None = None


def read_exif_position(photo: str | Path) -> ExifPosition | None:
    """Return where a photo was taken, or None if it has no GPS tags.

    Args:
        photo: File of any format that Pillow reads EXIF from (JPEG, TIFF, PNG, WebP ...).

    Raises:
        ImageError: If the file is no image, or its EXIF block cannot be read.
        CoordinateError: If there are GPS tags that give no position: a hemisphere is missing, a
            denominator is zero, the position is (0, 0) as written without a fix, or is not on
            Earth. The message names the file and the tag.
    """
    try:
        with open_image(photo) as image:
            tags = image.getexif().get_ifd(GPS_BLOCK)
    except Exception as error:  # Pillow's parsers raise half a dozen types on broken files
        raise ImageError(f"{photo}: {error}; is it a complete image file?") from error
    return position_of_tags(tags, str(photo))


def position_of_tags(tags: Mapping[int, Any], where: str) -> ExifPosition | None:
    """Return the position that a GPS attribute block gives, or None if it gives none.

    Args:
        tags: Values by tag number, as Pillow's ``getexif().get_ifd(0x8825)``.
        where: The file, for messages.

    Raises:
        CoordinateError: See ``read_exif_position``.
    """
    if LAT not in tags and LON not in tags:
        return None
    lat = _degrees(tags, LAT, LAT_REF, "NS", where)
    lon = _degrees(tags, LON, LON_REF, "EW", where)
    if fault := coordinate_fault(np.array([[lat, lon]])):
        raise CoordinateError(f"{where}: EXIF position: {fault[1]}")
    if lat == lon == 0:
        raise CoordinateError(
            f"{where}: EXIF position (0, 0) is what cameras write without a satellite fix; remove "
            "the tags, or list the photo's position in a CSV file"
        )
    altitude = _optional(tags, ALTITUDE)
    if altitude is not None and _integer(tags.get(ALTITUDE_REF)) in BELOW_SEA_LEVEL:
        altitude = -altitude
    return ExifPosition(lat, lon, altitude, _optional(tags, ERROR))


def _degrees(tags: Mapping[int, Any], tag: int, ref: int, letters: str, where: str) -> float:
    """Return signed degrees of degrees, minutes and seconds with a hemisphere."""
    name = NAMES[tag]
    if tag not in tags:
        raise CoordinateError(f"{where}: EXIF has only half a position, {name} is missing")
    value = tags[tag]
    parts = [_number(part) for part in (value if isinstance(value, tuple | list) else [value])]
    if not 1 <= len(parts) <= 3 or None in parts:
        raise CoordinateError(
            f"{where}: EXIF {name}={value!r} are no degrees, minutes and seconds (a denominator "
            "is zero, or a part no number)"
        )
    letter = _text(tags.get(ref) or "").strip("\0 ").upper()[:1]
    if not letter or letter not in letters:
        raise CoordinateError(
            f"{where}: EXIF {NAMES[ref]}={tags.get(ref)!r} must be {' or '.join(letters)}, or the "
            "hemisphere is unknown; write it, or list the photo's position in a CSV file"
        )
    degrees: float = sum((part or 0.0) / 60.0**power for power, part in enumerate(parts))
    return SIGNS[letter] * degrees


def _number(value: Any) -> float | None:
    """Return a rational, a pair of integers or a number as float; None if it is not finite."""
    try:
        number = float(Fraction(*value)) if isinstance(value, tuple) else float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if np.isfinite(number) else None


def _optional(tags: Mapping[int, Any], tag: int) -> float | None:
    return _number(tags[tag]) if tag in tags else None


def _integer(value: Any) -> int | None:
    """Return a BYTE tag, which Pillow gives as bytes or as an integer."""
    if isinstance(value, bytes):
        return value[0] if value else None
    return value if isinstance(value, int) else None


def _text(value: Any) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
