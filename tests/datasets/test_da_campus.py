import json

import numpy as np
import pytest
import torch

from geoloc.datasets import DACampus, Index, IndexDataset, fingerprint
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError, IndexFormatError
from geoloc.registry import DATASETS

from .conftest import place_latlon, write_campus


def edit(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def row_of(file, place):
    """Return (line number, line) of the first row of a place."""
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        if line.split(" ")[1] == str(place):
            return number, line
    raise AssertionError(place)


def test_reads_the_layout_by_class_id(campus):
    source = DACampus(campus, counts=None)
    index = source.index
    assert len(index) == (5 + 3) * (1 + 4)
    assert index.places.tolist() == [1, 2, 3, 4, 5, 11, 12, 13]
    assert source.thresholds_m == (3.0, 200.0, 500.0)
    for row in range(len(index)):
        place = int(index.place[row])
        assert (index.lat[row], index.lon[row]) == place_latlon(place)
        assert index.split[row] == ("train" if place <= 5 else "test")
        relative = f"{index.view[row]}/{index.split[row]}/{place:04d}/"
        assert index.path[row].startswith(relative)
        assert index.file(row).is_file()
    for place in index.places:
        views = index.view[index.place == place].tolist()
        assert sorted(views) == ["drone"] * 4 + ["satellite"]


def test_official_counts(tmp_path, official_text):
    root = official_text(tmp_path / "DA_Campus")
    source = DATASETS.build({"type": "DACampus", "data_root": str(root)})
    assert source.protocol.as_dict()["splits"] == {
        "train": {"places": 450, "images": {"drone": 27000, "satellite": 450}},
        "test": {"places": 300, "images": {"drone": 18000, "satellite": 300}},
    }
    _, line = row_of(root / "drone/test.txt", 600)
    edit(root / "drone/test.txt", line + "\n", "")
    with pytest.raises(DatasetError, match=r"test place 600 has 59 drone images .* 60"):
        DACampus(root)
    assert DACampus(root, counts=None).protocol.splits["test"]["images"]["drone"] == 17999


def test_other_number_of_places_needs_counts_none(campus):
    with pytest.raises(DatasetError, match=r"train split has 5 places .* 450; pass counts=None"):
        DACampus(campus)
    with pytest.raises(ConfigError, match="counts='all'"):
        DACampus(campus, counts="all")


@pytest.mark.parametrize("missing", ["", "drone/test.txt"])
def test_missing_dataset_tells_how_to_get_it(campus, missing):
    root = campus if missing else campus / "nowhere"
    (root / missing).unlink() if missing else None
    with pytest.raises(DatasetNotFoundError) as caught:
        DACampus(root)
    message = str(caught.value)
    assert "https://huggingface.co/datasets/www0wwwjs1/DA_Campus" in message
    assert f"python tools/make_campusworld.py {root} --preset dacampus" in message
    assert str(root / (missing or "satellite/train.txt")) in message


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (" 3 28.203", " three 28.203", "place 'three'"),
        (" 3 28.203", " 3 x", "lat 'x"),
        (" 3 28.203", " 3 98.203", "outside"),
        (" 3 28.203", " 3 28.303", r"place 3 is at \(28\.303.*satellite/train\.txt:"),
        (" 3 28.203", "  3 28.203", "5 fields"),
        (" 3 28.203", " 12 28.203", r"place 12 is at"),
        ("train/0003", "../train/0003", "stay inside"),
    ],
)
def test_bad_drone_line_is_named(campus, old, new, reason):
    file = campus / "drone/train.txt"
    number, _ = row_of(file, 3)
    edit(file, old, new)
    with pytest.raises(IndexFormatError, match=reason) as caught:
        DACampus(campus, counts=None)
    assert str(caught.value).startswith(f"{file}:{number}: ")


def test_duplicate_path(campus):
    file = campus / "drone/train.txt"
    _, line = row_of(file, 2)
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(IndexFormatError, match=r"drone/train\.txt:22: path .* is already in"):
        DACampus(campus, counts=None)


def test_place_in_both_splits(campus):
    lat, lon = place_latlon(2)
    file = campus / "satellite/test.txt"
    file.write_text(file.read_text() + f"test/0002/0.png 2 {lat!r} {lon!r}\n")
    with pytest.raises(IndexFormatError, match=r"satellite/test\.txt:5: class_id 2 is a train"):
        DACampus(campus, counts=None)


def test_missing_column(campus):
    edit(campus / "satellite/train.txt", "latitude", "lat")
    with pytest.raises(IndexFormatError, match=r"train\.txt:1: column 'latitude' is missing"):
        DACampus(campus, counts=None)


def test_columns_are_found_by_name(campus):
    expected = fingerprint(DACampus(campus, counts=None).index)
    for file in campus.glob("*/*.txt"):
        rows = [line.split(" ") for line in file.read_text().splitlines()]
        extra = [
            (lon, "h" if n == 0 else "35.5", p, c, lat) for n, (p, c, lat, lon) in enumerate(rows)
        ]
        file.write_text("\n".join(map(" ".join, extra)) + "\n")
    assert fingerprint(DACampus(campus, counts=None).index) == expected


def test_drone_rows_take_the_satellite_position_within_three_metres(campus):
    edit(campus / "drone/train.txt", " 3 28.203", " 3 28.20302")  # 2.2 m north
    index = DACampus(campus, counts=None).index
    np.testing.assert_array_equal(index.place_latlon[2], place_latlon(3))
    assert set(index.lat[index.place == 3]) == {place_latlon(3)[0]}
    edit(campus / "drone/train.txt", " 3 28.20302", " 3 28.20304")  # 4.4 m
    with pytest.raises(IndexFormatError, match="a place has one position"):
        DACampus(campus, counts=None)


def test_place_without_a_view(campus):
    file = campus / "satellite/test.txt"
    _, line = row_of(file, 12)
    edit(file, line + "\n", "")
    with pytest.raises(DatasetError, match=r"1 of 8 places have no satellite image.* place 12"):
        DACampus(campus, counts=None)


def test_missing_images_are_counted(campus):
    for name in ("train/0001/2.png", "train/0004/0.png"):
        (campus / "drone" / name).unlink()
    with pytest.raises(
        DatasetError, match=r"2 of 40 image files are missing, the first is .*drone"
    ):
        DACampus(campus, counts=None)


def test_fingerprint_changes_with_every_column_and_not_with_order(campus):
    index = DACampus(campus, counts=None).index
    first = fingerprint(index)
    assert fingerprint(index.take(np.random.default_rng(0).permutation(len(index)))) == first
    changed = {
        "path": np.char.add(index.path, "x"),
        "view": np.char.upper(index.view),
        "place": index.place + 1,
        "lat": np.nextafter(index.lat, 90),
        "lon": np.nextafter(index.lon, 180),
        "split": np.char.upper(index.split),
    }
    columns = {name: getattr(index, name) for name in changed}
    others = {
        fingerprint(Index(**{**columns, name: value}, root=index.root))
        for name, value in changed.items()
    }
    assert len(others | {first}) == len(changed) + 1


def test_protocol_survives_a_safe_checkpoint_and_json(campus, tmp_path):
    protocol = DACampus(campus, counts=None, thresholds_m=(3, 50)).protocol.as_dict()
    torch.save({"protocol": protocol}, tmp_path / "checkpoint.pth")
    loaded = torch.load(tmp_path / "checkpoint.pth", weights_only=True)["protocol"]
    assert loaded == json.loads(json.dumps(protocol)) == protocol
    assert protocol["thresholds_m"] == [3.0, 50.0]
    assert protocol["dataset"] == "DA-Campus"


def test_index_dataset_is_the_same_data(campus, tmp_path):
    original = DACampus(campus, counts=None)
    original.index.to_csv(tmp_path / "mine.csv")
    config = {"type": "IndexDataset", "path": str(tmp_path / "mine.csv"), "root": str(campus)}
    source = DATASETS.build(config)
    assert source.protocol.dataset == "mine"
    assert source.protocol.fingerprint == original.protocol.fingerprint
    with pytest.raises(DatasetError, match="40 of 40 image files are missing"):
        IndexDataset(tmp_path / "mine.csv")


def test_the_same_layout_elsewhere_has_the_same_fingerprint(campus, tmp_path):
    twin = write_campus(tmp_path / "twin")
    prints = {DACampus(root, counts=None).protocol.fingerprint for root in (campus, twin)}
    assert len(prints) == 1
