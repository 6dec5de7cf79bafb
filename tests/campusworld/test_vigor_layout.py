import numpy as np
import pytest
from geopy.distance import geodesic
from PIL import Image

from geoloc.campusworld.street_world import StreetSpec, write_streetworld
from geoloc.campusworld.vigor_layout import covering_tiles, pixel_offset, tile_grid
from geoloc.datasets.street_world import StreetWorld
from geoloc.datasets.vigor import VIGOR
from geoloc.errors import ConfigError

TILE_M, TILE_PX = 120.0, 30
SMALL = {
    "layout": "vigor",
    "train_places": 4,
    "val_places": 4,
    "places_per_campus": 2,
    "panorama": (16, 64),
    "tile_px": TILE_PX,
    "tile_m": TILE_M,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("vigor") / "world"
    return write_streetworld(root, StreetSpec(**SMALL), workers=1)


@pytest.mark.parametrize("radius_m", [250.0, 240.0, 30.0])  # a multiple of the step, too
def test_the_grid_has_all_tiles_that_show_a_position(radius_m) -> None:
    step_m = TILE_M / 2
    grid = tile_grid(radius_m, step_m)
    line = np.unique(grid[:, 0])
    assert len(grid) == len(np.unique(grid, axis=0)) == len(line) ** 2
    np.testing.assert_allclose(np.diff(line), step_m)
    spots = np.random.default_rng(0).uniform(-radius_m, radius_m, (50, 2))
    for spot in [*spots, np.full(2, radius_m), np.full(2, -radius_m)]:
        centres_m = step_m * covering_tiles(spot, step_m)
        assert all((grid == centre).all(axis=1).any() for centre in centres_m)
    for spot in spots:
        shown = grid[(np.abs(grid - spot) <= step_m).all(axis=1)]
        order = np.argsort(np.hypot(*(shown - spot).T))
        np.testing.assert_array_equal(step_m * covering_tiles(spot, step_m), shown[order])


def test_offsets_are_those_of_vigor() -> None:
    """The position is in row 320 + the first, column 320 - the second, north up."""
    centre = np.array([60.0, 0.0])
    to_the_north_east = np.array([72.0, 30.0])
    np.testing.assert_allclose(pixel_offset(to_the_north_east, centre, TILE_M), [-160.0, -64.0])
    corner = np.array([0.0, -60.0])
    np.testing.assert_allclose(pixel_offset(corner, centre, TILE_M), [320.0, 320.0])


def test_the_reader_of_vigor_reads_it(root) -> None:
    source = StreetWorld(root, **SMALL)
    assert len(source.index) == len(VIGOR(root, "cross", counts=None).index)
    index = source.index.select(view="street")
    assert (index.split == "train").sum() == (index.split == "test").sum() == 4
    gallery = source.index.select(split="test", view="satellite")
    assert len(gallery) == sum(1 for _ in root.glob("[SC]*/satellite/*.png")) - len(
        list(root.glob("Seattle/satellite/*"))
    )
    for row in range(len(source.index)):
        with Image.open(source.index.file(row)) as image:
            street = source.index.view[row] == "street"
            assert image.size == ((64, 16) if street else (TILE_PX, TILE_PX))


def test_panoramas_stand_where_their_labels_say(root) -> None:
    labels = list(root.glob("splits/*/pano_label_balanced.txt"))
    assert len(labels) == 4
    moved = []
    for line in (line for file in labels for line in file.read_text().splitlines()):
        fields = line.split()
        camera = tuple(map(float, fields[0].split(",")[1:3]))
        offsets = np.array(fields[1:]).reshape(4, 3)
        distances = []
        for name, row, column in offsets:
            centre = tuple(map(float, name.removesuffix(".png").split("_")[1:]))
            north, east = (-float(pixels) * TILE_M / 640 for pixels in (row, column))
            assert max(abs(float(row)), abs(float(column))) <= 320
            assert geodesic(camera, centre).m == pytest.approx(np.hypot(north, east), abs=0.15)
            assert np.sign(camera[0] - centre[0]) == np.sign(north)
            assert np.sign(camera[1] - centre[1]) == np.sign(east)
            distances.append(np.hypot(north, east))
        assert distances == sorted(distances)
        assert max(map(abs, offsets[0, 1:].astype(float))) <= 160  # in the middle of its positive
        moved.append(distances[0])
    assert max(moved) > 5


def test_neighbouring_tiles_share_half_their_ground(root) -> None:
    files = sorted(root.glob("Seattle/satellite/*.png"))
    at = np.array([[float(v) for v in file.stem.split("_")[1:]] for file in files])
    images = np.array([np.asarray(Image.open(file), dtype=float) for file in files])
    middle = int(np.argmin(np.abs(at - np.median(at, axis=0)).sum(axis=1)))
    row = np.flatnonzero(np.abs(at[:, 0] - at[middle, 0]) < 1e-6)
    east = row[np.argsort(at[row, 1])]
    east = east[list(east).index(middle) + 1]
    half = TILE_PX // 2
    ours, theirs, other = images[middle][:, half + 1 : -1], images[east], images[0]
    assert np.abs(ours - theirs[:, 1 : half - 1]).mean() < 2
    assert np.abs(ours - other[:, 1 : half - 1]).mean() > 8


def test_it_has_neither_thresholds_nor_polar_maps(root) -> None:
    with pytest.raises(ConfigError, match=r"takes neither thresholds_m=\(5\.0,\) nor polar=False"):
        StreetWorld(root, thresholds_m=(5.0,), **SMALL)
