"""Positions of pixels, of rasters written here, against formulas that are not ours."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geopy.distance import geodesic
from PIL import Image, TiffImagePlugin

from geoloc.errors import ConfigError, ImageError
from geoloc.geo.geotiff import read_georeference
from geoloc.localization.raster_tiles import raster_tiles, tile_starts

SCALE, TIEPOINT, TRANSFORMATION, KEYS = 33550, 33922, 34264, 34735
KINDS = {SCALE: 12, TIEPOINT: 12, TRANSFORMATION: 12, KEYS: 3}  # TIFF types DOUBLE and SHORT


def write_geotiff(
    path: Path, pixels: np.ndarray, epsg: int, tags: dict[int, Any], point: bool = False
) -> Path:
    """Write a GeoTIFF with Pillow."""
    geographic = epsg < 5000 and epsg != 3857
    keys = [(1024, 0, 1, 2 if geographic else 1), (1025, 0, 1, 2 if point else 1)]
    keys.append((2048 if geographic else 3072, 0, 1, epsg))
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    header = (1, 1, 0, len(keys))
    for tag, value in {**tags, KEYS: header + tuple(sum(keys, ()))}.items():
        directory.tagtype[tag] = KINDS[tag]
        directory[tag] = tuple(value)
    Image.fromarray(pixels).save(path, tiffinfo=directory)
    return path


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def to_utm(lat: float, lon: float, zone: int) -> tuple[float, float]:
    """Project by the series of Snyder (Map Projections, USGS 1395, eq. 8-9 ff.), to 0.1 m."""
    a, f = 6378137.0, 1 / 298.257223563
    e2 = f * (2 - f)
    ep2 = e2 / (1 - e2)
    phi, dlon = math.radians(lat), math.radians(lon - (6 * zone - 183))
    n = a / math.sqrt(1 - e2 * math.sin(phi) ** 2)
    t, c, big_a = math.tan(phi) ** 2, ep2 * math.cos(phi) ** 2, dlon * math.cos(phi)
    m = a * (
        (1 - e2 / 4 - 3 * e2**2 / 64 - 5 * e2**3 / 256) * phi
        - (3 * e2 / 8 + 3 * e2**2 / 32 + 45 * e2**3 / 1024) * math.sin(2 * phi)
        + (15 * e2**2 / 256 + 45 * e2**3 / 1024) * math.sin(4 * phi)
        - 35 * e2**3 / 3072 * math.sin(6 * phi)
    )
    x = big_a + (1 - t + c) * big_a**3 / 6
    x += (5 - 18 * t + t**2 + 72 * c - 58 * ep2) * big_a**5 / 120
    y = big_a**2 / 2 + (5 - t + 9 * c + 4 * c**2) * big_a**4 / 24
    y += (61 - 58 * t + t**2 + 600 * c - 330 * ep2) * big_a**6 / 720
    return 500_000 + 0.9996 * n * x, 0.9996 * (m + n * math.tan(phi) * y)


@pytest.mark.parametrize(
    ("epsg", "lat", "lon", "south_m"),
    [(32632, 48.1, 11.6, 0), (25832, 48.1, 11.6, 0), (32756, -33.9, 151.2, 10_000_000)],
)
def test_utm_rasters(tmp_path: Path, epsg: int, lat: float, lon: float, south_m: float) -> None:
    zone = epsg % 100
    x, y = to_utm(lat, lon, zone)
    # The position is that of pixel corner (40, 20); pixels are 0.5 m wide and 0.25 m high.
    tags = {SCALE: (0.5, 0.25, 0), TIEPOINT: (40, 20, 0, x, y + south_m, 0)}
    found = read_georeference(write_geotiff(tmp_path / "a.tif", noise(50, 90), epsg, tags))
    assert found.size == (90, 50)
    corner, right, below = found.latlon([[40, 20], [80, 20], [40, 48]]).tolist()
    assert geodesic(corner, (lat, lon)).m < 0.1
    assert geodesic(corner, right).m == pytest.approx(20, rel=2e-3)
    assert geodesic(corner, below).m == pytest.approx(7, rel=2e-3)
    assert right[1] > corner[1]
    assert below[0] < corner[0]


def test_the_same_raster_in_degrees_mercator_and_by_matrix(tmp_path: Path) -> None:
    lat, lon = 60.25, 24.75
    pixels = noise(40, 40)
    degrees = {SCALE: (2e-5, 1e-5, 0), TIEPOINT: (0, 0, 0, lon, lat, 0)}
    found = read_georeference(write_geotiff(tmp_path / "d.tif", pixels, 4326, degrees))
    np.testing.assert_allclose(found.latlon([[10, 30]]), [[lat - 3e-4, lon + 2e-4]], atol=1e-12)
    # PixelIsPoint: the tie point is the centre of the first pixel
    file = write_geotiff(tmp_path / "p.tif", pixels, 4326, degrees, point=True)
    np.testing.assert_allclose(read_georeference(file).latlon([[0.5, 0.5]]), [[lat, lon]])
    # Web Mercator: x = R lon, y = R asinh(tan lat)
    x = 6378137 * math.radians(lon)
    y = 6378137 * math.asinh(math.tan(math.radians(lat)))
    tags = {SCALE: (2, 2, 0), TIEPOINT: (0, 0, 0, x, y, 0)}
    found = read_georeference(write_geotiff(tmp_path / "m.tif", pixels, 3857, tags))
    np.testing.assert_allclose(found.latlon([[0, 0]]), [[lat, lon]], atol=1e-9)
    # A matrix that turns by 90 degrees: columns go North, rows go East
    matrix = (0, 2e-5, 0, lon, 1e-5, 0, 0, lat, 0, 0, 0, 0, 0, 0, 0, 1)
    file = write_geotiff(tmp_path / "t.tif", pixels, 4326, {TRANSFORMATION: matrix})
    turned = read_georeference(file).latlon([[10, 30]])
    np.testing.assert_allclose(turned, [[lat + 1e-4, lon + 6e-4]], atol=1e-12)


@pytest.mark.parametrize(
    ("epsg", "tags", "message"),
    [
        (27700, {SCALE: (1, 1, 0), TIEPOINT: (0, 0, 0, 0, 0, 0)}, "EPSG 27700.*gdalwarp"),
        (32632, {SCALE: (1, 1, 0)}, "ModelTiepoint"),
        (32632, {SCALE: (0, 1, 0), TIEPOINT: (0, 0, 0, 5e5, 5e6, 0)}, "ModelPixelScale"),
        (4326, {SCALE: (1, 1, 0), TIEPOINT: (0, 0, 0, 170, 10, 0)}, "outside"),
    ],
)
def test_rasters_without_a_usable_reference_are_refused(
    tmp_path: Path, epsg: int, tags: dict[int, Any], message: str
) -> None:
    file = write_geotiff(tmp_path / "a.tif", noise(20, 20), epsg, tags)
    with pytest.raises(ImageError, match=message):
        read_georeference(file)


def test_files_that_are_no_geotiff_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("no raster")
    Image.fromarray(noise(4, 4)).save(tmp_path / "plain.tif")
    with pytest.raises(ImageError, match=r"text\.tif.*complete"):
        read_georeference(tmp_path / "text.tif")
    with pytest.raises(ImageError, match=r"plain\.tif.*EPSG None"):
        read_georeference(tmp_path / "plain.tif")


def test_tiles_cover_the_raster_and_know_their_centres(tmp_path: Path) -> None:
    lat, lon = 48.1, 11.6
    x, y = to_utm(lat, lon, 32)
    pixels = noise(60, 100)
    pixels[:20, :20] = 255  # no data
    tags = {SCALE: (0.5, 0.5, 0), TIEPOINT: (0, 0, 0, x, y, 0)}
    file = write_geotiff(tmp_path / "a.tif", pixels, 32632, tags)
    tiles = [*raster_tiles(file, ground_size_m=10, overlap=0.5)]
    assert len(tiles) == 9 * 5 - 1
    assert tiles[0].name == "a.tif#xywh=10,0,20,20"
    last = tiles[-1]
    assert last.name == "a.tif#xywh=80,40,20,20"
    np.testing.assert_array_equal(last.pixels, pixels[40:, 80:])
    # its centre is 90 columns and 50 rows from the corner: 45 m East, 25 m South
    assert geodesic((lat, lon), last.latlon).m == pytest.approx(math.hypot(45, 25), rel=2e-3)
    covered = np.zeros((60, 100), bool)
    for tile in tiles:
        column, row, width, height = map(int, tile.name.partition("=")[2].split(","))
        covered[row : row + height, column : column + width] = True
    assert covered[20:].all()
    assert covered[:, 20:].all()
    with pytest.raises(ConfigError, match="50 m x 30 m"):
        next(raster_tiles(file, ground_size_m=40))
    with pytest.raises(ConfigError, match="overlap=1"):
        next(raster_tiles(file, ground_size_m=10, overlap=1.0))


def test_tiles_of_degrees_are_square_on_the_ground(tmp_path: Path) -> None:
    tags = {SCALE: (1e-5, 1e-5, 0), TIEPOINT: (0, 0, 0, 24.75, 60.25, 0)}
    file = write_geotiff(tmp_path / "a.tif", noise(60, 120), 4326, tags)
    width, height = map(int, next(raster_tiles(file, 20)).name.split(",")[2:])
    assert (width, height) == (36, 18)  # at 60 degrees a degree of longitude is half as long


@pytest.mark.parametrize(("length", "size", "overlap"), [(100, 30, 0.0), (100, 30, 0.9), (7, 7, 0)])
def test_starts_cover_everything(length: int, size: int, overlap: float) -> None:
    starts = tile_starts(length, size, overlap)
    assert starts[0] == 0
    assert starts[-1] == length - size
    assert all(0 < step <= size for step in np.diff(starts))
