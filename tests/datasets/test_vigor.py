from pathlib import Path

import numpy as np
import pytest
from geopy.distance import great_circle

from geoloc.datasets import Index, PairDataset
from geoloc.datasets.vigor import VIGOR
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError, IndexFormatError
from tests.datasets.conftest import write_image, write_vigor

TRAIN = "splits/Seattle/same_area_balanced_train.txt"
TILES = "splits/Seattle/satellite_list.txt"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_vigor(tmp_path / "VIGOR")


def test_the_same_area_is_read(root) -> None:
    source = VIGOR(root, counts=None)
    assert source.protocol.dataset == "VIGOR-same-area"
    assert source.protocol.splits == {
        "train": {"places": 8, "images": {"satellite": 8, "street": 8}},
        "test": {"places": 36, "images": {"satellite": 36, "street": 8}},
    }
    test = source.index.select(split="test", view="satellite")
    assert len(set(test.path.tolist())) == 36
    assert source.thresholds_m == ()


def test_the_cross_area_trains_and_tests_in_other_cities(root) -> None:
    index = VIGOR(root, area="cross", counts=None).index
    for split, cities in {
        "train": {"NewYork", "Seattle"},
        "test": {"SanFrancisco", "Chicago"},
    }.items():
        part = index.select(split=split)
        assert {path.split("/")[0] for path in part.path.tolist()} == cities
        assert len(part.select(view="street")) == 8
    assert len(index.select(split="test", view="satellite")) == 18
    both = np.intersect1d(index.select(split="train").places, index.select(split="test").places)
    assert not both.size


def test_a_tile_has_one_place_in_both_areas(root) -> None:
    place = {}
    for area in ("same", "cross"):
        index = VIGOR(root, area, counts=None).index.select(split="test", view="satellite")
        place[area] = dict(zip(index.path.tolist(), index.place.tolist(), strict=True))
    assert place["cross"].items() <= place["same"].items()


def lines_of(root: Path, name: str) -> list[list[str]]:
    return [line.split(" ") for line in (root / name).read_text().splitlines()]


@pytest.mark.parametrize("split", ["train", "test"])
def test_semi_positives_and_positions_belong_to_the_panorama(root, split) -> None:
    """Against the label files, read in another way."""
    index = VIGOR(root, counts=None).index
    tiles = index.select(split="test", view="satellite")
    place_of = dict(zip(tiles.path.tolist(), tiles.place.tolist(), strict=True))
    part = index.select(split=split, view="street")
    row_of = {path: row for row, path in enumerate(part.path.tolist())}
    for city in ("NewYork", "Seattle", "SanFrancisco", "Chicago"):
        for fields in lines_of(root, f"splits/{city}/same_area_balanced_{split}.txt"):
            row = row_of[f"{city}/panorama/{fields[0]}"]
            places = [place_of[f"{city}/satellite/{fields[k]}"] for k in (1, 4, 7, 10)]
            assert part.place[row] == places[0]
            assert part.also_shows[row].tolist() == places[1:]
            lat, lon = (float(degrees) for degrees in fields[0].split(",")[1:3])
            assert part.camera_latlon[row].tolist() == [lat, lon]
            at = [float(degrees) for degrees in fields[1][:-4].split("_")[1:]]
            assert [part.lat[row], part.lon[row]] == at
    assert (tiles.also_shows == -1).all()
    assert np.array_equal(tiles.image_latlon, np.stack([tiles.lat, tiles.lon], axis=1))


def test_offsets_of_the_fixture_point_at_the_panorama(root) -> None:
    """The layout's promise: row 320 + d_row and column 320 - d_column, at 0.114 m per pixel."""
    for fields in lines_of(root, TRAIN):
        lat, lon = (float(degrees) for degrees in fields[0].split(",")[1:3])
        for k in (1, 4, 7, 10):
            tile = [float(degrees) for degrees in fields[k][:-4].split("_")[1:]]
            north_m = -float(fields[k + 1]) * 0.114
            east_m = -float(fields[k + 2]) * 0.114
            assert great_circle(tile, (lat, tile[1])).m == pytest.approx(abs(north_m), abs=0.1)
            assert great_circle((lat, tile[1]), (lat, lon)).m == pytest.approx(abs(east_m), abs=0.1)
            assert (north_m > 0) == (lat > tile[0])
            assert (east_m > 0) == (lon > tile[1])


def test_the_relation_survives_selection_and_a_file(root, tmp_path) -> None:
    source = VIGOR(root, counts=None)
    part = source.index.select(split="test")
    part.to_csv(tmp_path / "index.csv")
    header = (tmp_path / "index.csv").read_text().splitlines()[0]
    assert header.endswith("split,also_1,also_2,also_3,camera_lat,camera_lon")
    again = Index.read_csv(tmp_path / "index.csv", root)
    assert np.array_equal(again.also_shows, part.also_shows)
    assert np.array_equal(again.camera_latlon, part.camera_latlon)
    labels = part.select(view=["street", "satellite"]).also_labels
    street = part.view == "street"
    assert np.array_equal(part.places[labels[street]], part.also_shows[street])
    assert (labels[~street] == -1).all()
    # of the training tiles some semi-positives are not there
    train = source.index.select(split="train")
    known = np.isin(train.also_shows, train.places)
    assert 0 < known.sum() < known.size
    assert np.array_equal(train.also_labels >= 0, known)


def test_the_fingerprint_knows_semi_positives(root) -> None:
    before = VIGOR(root, counts=None).protocol.fingerprint
    first, *rest = lines_of(root, TRAIN)
    first[4:7], first[7:10] = first[7:10], first[4:7]
    (root / TRAIN).write_text("\n".join(" ".join(line) for line in (first, *rest)))
    assert VIGOR(root, counts=None).protocol.fingerprint != before


def test_pairs_are_drawn_of_panorama_and_positive_tile(root) -> None:
    pipeline = [{"type": "LoadImage"}, {"type": "mmpretrain.PackInputs"}]
    dataset = PairDataset(
        VIGOR(root, counts=None),
        views=("street", "satellite"),
        pipelines={"street": pipeline, "satellite": pipeline},
    )
    assert len(dataset) == 8
    item = dataset[3]
    rows = item["rows"]
    assert dataset.index.place[rows["street"]] == dataset.index.place[rows["satellite"]]


def edit(root: Path, name: str, line: int, change) -> None:
    lines = (root / name).read_text().splitlines()
    lines[line - 1] = change(lines[line - 1])
    (root / name).write_text("\n".join(lines) + "\n")


def put(column: int, text: str):
    def change(line: str) -> str:
        fields = line.split(" ")
        fields[column] = text
        return " ".join(fields)

    return change


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (TRAIN, lambda line: line.rsplit(" ", 1)[0], "12 columns where there are 13"),
        (TRAIN, lambda line: line + " 5", "14 columns where there are 13"),
        (TRAIN, put(0, "pano,47.6,-122.3.jpg"), "must read <prefix>,<lat>,<lon>,.jpg"),
        (TRAIN, put(0, "pano,95.0,-122.3,.jpg"), r"lat=95.0 is outside"),
        (TRAIN, put(0, "pano,9.5.0,-122.3,.jpg"), r"'9.5.0', '-122.3' must be a position"),
        (TRAIN, put(7, "satellite_1.0_2.0.png"), "satellite_1.0_2.0.png' is not in .*satellite_l"),
        (TRAIN, put(2, "left"), "offset 'left' must be a number of pixels"),
        (TRAIN, put(3, "nan"), "offset 'nan' must be a number of pixels"),
        (TILES, lambda line: "satellite_47.6.png", "must read satellite_<lat>_<lon>.png"),
        (TILES, lambda line: "satellite_47.6_-222.0.png", r"lon=-222.0 is outside"),
    ],
)
def test_a_wrong_line_is_named(root, name, change, message) -> None:
    edit(root, name, 2, change)
    with pytest.raises(IndexFormatError, match=message) as error:
        VIGOR(root, counts=None)
    assert str(error.value).startswith(f"{root / name}:2: ")


def test_names_that_stand_twice_are_named(root) -> None:
    first = lines_of(root, TRAIN)[0]
    test = TRAIN.replace("train", "test")
    kept = (root / test).read_text()
    edit(root, test, 1, put(0, first[0]))
    message = f"{root / test}:1: .* is already in {root / TRAIN}:1"
    with pytest.raises(IndexFormatError, match=message):
        VIGOR(root, counts=None)
    (root / test).write_text(kept)
    edit(root, TRAIN, 1, put(4, first[1]))
    with pytest.raises(IndexFormatError, match=r"train.txt:1: .* names a tile twice"):
        VIGOR(root, counts=None)
    edit(root, TRAIN, 1, put(4, first[4]))
    edit(root, TILES, 2, lambda _: lines_of(root, TILES)[0][0])
    with pytest.raises(IndexFormatError, match=r"list.txt:2: .* is already in line 1"):
        VIGOR(root, counts=None)


def test_what_is_missing_is_named(root, tmp_path) -> None:
    with pytest.raises(DatasetError, match="train of the same area has 8 panoramas where VIGOR"):
        VIGOR(root)
    with pytest.raises(ConfigError, match="area='other' must be one of same, cross"):
        VIGOR(root, area="other")
    with pytest.raises(ConfigError, match="counts='some'"):
        VIGOR(root, counts="some")
    with pytest.raises(DatasetNotFoundError, match="Request it as https"):
        VIGOR(tmp_path / "nowhere", counts=None)
    panorama = next((root / "Chicago/panorama").iterdir())
    panorama.unlink()
    with pytest.raises(DatasetError, match=f"1 of .* image files are missing, the first is {root}"):
        VIGOR(root, counts=None)
    write_image(panorama, 1)
    (root / "splits/Chicago/same_area_balanced_test.txt").write_text("\n")
    with pytest.raises(IndexFormatError, match=r"same_area_balanced_test.txt:1: there is no pano"):
        VIGOR(root, counts=None)
    (root / TILES).unlink()
    with pytest.raises(DatasetNotFoundError, match=r"there is no .*Seattle/satellite_list.txt"):
        VIGOR(root, counts=None)
