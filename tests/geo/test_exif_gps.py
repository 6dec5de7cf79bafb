"""Positions from EXIF, from files written here and from real photos."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from geoloc.errors import CoordinateError, ImageError
from geoloc.geo.exif_gps import ExifPosition, position_of_tags, read_exif_position

MADISON = {1: "N", 2: (46.0, 50.0, 33.3855), 3: "W", 4: (91.0, 59.0, 40.4156), 5: b"\0", 6: 198.3}


def write(path: Path, tags: dict[int, Any] | None) -> Path:
    image = Image.fromarray(np.zeros((8, 8, 3), dtype=np.uint8))
    exif = image.getexif()
    if tags is not None:
        exif.get_ifd(0x8825).update(tags)
        exif[0x8825] = exif.get_ifd(0x8825)
    image.save(path, exif=exif)
    return path


@pytest.mark.parametrize("name", ["a.jpg", "ü ö.png", "b.tif", "c.webp"])
def test_reads_what_was_written(tmp_path: Path, name: str) -> None:
    position = read_exif_position(write(tmp_path / name, MADISON))
    assert position is not None
    assert position.lat == pytest.approx(46 + 50 / 60 + 33.3855 / 3600, abs=1e-9)
    assert position.lon == pytest.approx(-(91 + 59 / 60 + 40.4156 / 3600), abs=1e-9)
    assert position.altitude_m == pytest.approx(198.3, abs=1e-6)
    assert position.error_m is None


def test_a_photo_without_gps_tags_has_no_position(tmp_path: Path) -> None:
    assert read_exif_position(write(tmp_path / "a.jpg", None)) is None
    # GPSVersionID alone, as cameras write with GPS switched off
    assert read_exif_position(write(tmp_path / "b.jpg", {0: b"\2\3\0\0"})) is None


@given(
    st.integers(-90 * 3600 * 10_000, 90 * 3600 * 10_000),
    st.integers(-180 * 3600 * 10_000, 180 * 3600 * 10_000),
)
def test_every_position_survives_degrees_minutes_seconds(lat: int, lon: int) -> None:
    """In steps of 0.1 ms of arc, 3 mm."""

    def dms(value: int) -> tuple[IFDRational, ...]:
        seconds, part = divmod(abs(value), 60 * 10_000)
        degrees, minutes = divmod(seconds, 60)
        return IFDRational(degrees), IFDRational(minutes), IFDRational(part, 10_000)

    if lat == lon == 0:
        return
    tags = {1: "S" if lat < 0 else "N", 2: dms(lat), 3: "W" if lon < 0 else "E", 4: dms(lon)}
    position = position_of_tags(tags, "x.jpg")
    assert position is not None
    assert position.lat == pytest.approx(lat / 36_000_000, abs=1e-12)
    assert position.lon == pytest.approx(lon / 36_000_000, abs=1e-12)


@pytest.mark.parametrize(
    "tags",
    [
        {2: (46.5,), 4: (91.25,)},  # decimal degrees, against the standard but seen
        {2: 46.5, 4: 91.25},
        {2: (46.0, 30.0), 4: (91.0, 15.0)},
        {2: ((46, 1), (30, 1), (0, 1)), 4: ((91, 1), (15, 1), (0, 100))},
        {2: (Fraction(93, 2),), 4: (Fraction(365, 4),)},
        {1: b"N\0", 3: "w\0", 2: (46.5,), 4: (91.25,)},
        {1: " n", 2: (46.5,), 4: (91.25,)},
    ],
)
def test_other_ways_to_write_a_position(tags: dict[int, Any]) -> None:
    assert position_of_tags({1: "N", 3: "W", **tags}, "x.jpg") == ExifPosition(46.5, -91.25)


@pytest.mark.parametrize(
    ("ref", "altitude_m"), [(b"\0", 12.5), (b"\1", -12.5), (1, -12.5), (None, 12.5), (b"", 12.5)]
)
def test_altitude_below_sea_level(ref: Any, altitude_m: float) -> None:
    tags = {**MADISON, 5: ref, 6: IFDRational(25, 2), 31: IFDRational(7, 2)}
    position = position_of_tags(tags, "x.jpg")
    assert position is not None
    assert (position.altitude_m, position.error_m) == (altitude_m, 3.5)


def test_an_altitude_that_is_no_number_is_left_out() -> None:
    position = position_of_tags({**MADISON, 6: IFDRational(1, 0)}, "x.jpg")
    assert position is not None
    assert position.altitude_m is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({1: None}, "GPSLatitudeRef=None must be N or S"),
        ({1: ""}, "GPSLatitudeRef='' must be N or S"),
        ({3: "N"}, "GPSLongitudeRef='N' must be E or W"),
        ({2: (46.0, IFDRational(1, 0), 0.0)}, "GPSLatitude="),
        ({2: (46.0, 1.0, 2.0, 3.0)}, "GPSLatitude="),
        ({2: "north"}, "GPSLatitude='north'"),
        ({4: (float("nan"), 0.0, 0.0)}, "a denominator is zero"),
        ({2: (95.0, 0.0, 0.0)}, "lat=95.0 is outside"),
        ({2: (0.0, 0.0, 0.0), 4: (0.0, 0.0, 0.0)}, r"\(0, 0\) is what cameras write"),
    ],
)
def test_tags_that_give_no_position_are_named(change: dict[int, Any], message: str) -> None:
    with pytest.raises(CoordinateError, match=f"x.jpg: .*{message}"):
        position_of_tags({**MADISON, **change}, "x.jpg")


def test_half_a_position_is_refused() -> None:
    with pytest.raises(CoordinateError, match="only half a position, GPSLongitude is missing"):
        position_of_tags({1: "N", 2: (46.0, 0.0, 0.0)}, "x.jpg")


@pytest.mark.parametrize("content", [b"", b"just text", b"\xff\xd8\xff\xe1\x00\x08Exif"])
def test_a_file_that_is_no_image_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.jpg"
    file.write_bytes(content)
    with pytest.raises(ImageError, match=r"broken\.jpg"):
        read_exif_position(file)
