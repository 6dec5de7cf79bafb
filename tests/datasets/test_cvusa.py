from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geoloc.datasets.cvusa import CVUSA
from geoloc.errors import DatasetError, DatasetNotFoundError, IndexFormatError

IDS = {"train": (2, 5, 7), "val": (1, 6)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Five pairs in the layout of CVUSA, with positions."""
    for split, ids in IDS.items():
        lines = []
        for number in ids:
            files = (f"bingmap/19/{number:07d}.jpg", f"streetview/panos/{number:07d}.jpg")
            for name in (*files, f"polarmap/19/{number:07d}.png"):
                (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (4, 4), (number, 0, 0)).save(tmp_path / name)
            lines.append(f"{files[0]},{files[1]},annotations/{number:07d}.png\n")
        (tmp_path / "splits").mkdir(exist_ok=True)
        (tmp_path / f"splits/{split}-19zl.csv").write_text("".join(lines))
    rows = [f"{30 + k / 10},{-100 - k / 10},{30 + k / 10},-100,0\n" for k in range(1, 8)]
    (tmp_path / "split_locations").mkdir()
    (tmp_path / "split_locations/all.csv").write_text("".join(rows))
    return tmp_path


def test_pairs_positions_and_splits_are_read(root) -> None:
    source = CVUSA(root, counts=None)
    index = source.index
    assert len(index) == 10
    for split, ids in IDS.items():
        assert index.select(split=split).places.tolist() == sorted(ids)
    street = index.select(view="street", split="val")
    assert street.path.tolist() == [f"streetview/panos/{k:07d}.jpg" for k in (1, 6)]
    assert index.select(view="satellite").path[0] == "bingmap/19/0000002.jpg"
    assert index.lat[index.place == 6].tolist() == [30.6, 30.6]
    assert index.lon[index.place == 6].tolist() == [-100.6, -100.6]
    assert source.thresholds_m == ()


def test_polar_files_stand_in_for_the_tiles(root) -> None:
    paths = CVUSA(root, polar=True, counts=None).index.select(view="satellite").path
    assert paths.tolist() == [f"polarmap/19/{k:07d}.png" for k in (2, 5, 7, 1, 6)]


def test_positions_are_optional(root) -> None:
    (root / "split_locations/all.csv").unlink()
    index = CVUSA(root, counts=None).index
    assert np.isnan(index.lat).all()
    assert not index.has_positions


def edit(root: Path, name: str, line: int, text: str) -> None:
    lines = (root / name).read_text().splitlines()
    lines[line - 1] = text
    (root / name).write_text("\n".join(lines) + "\n")


TRAIN = "splits/train-19zl.csv"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bingmap/19/0000005.jpg", "1 fields; a line names a tile and a panorama"),
        ("bingmap/19/0000005.jpg,streetview/panos/0000006.jpg,", "must be named by one id"),
        ("bingmap/19/five.jpg,streetview/panos/five.jpg,", "must be named by one id"),
        ("bingmap/19/0000002.jpg,streetview/panos/0000002.jpg,", f"id 2 is already in {TRAIN}:1"),
        ("../0000005.jpg,streetview/panos/0000005.jpg,", "must be relative to the data root"),
        ("bingmap/19/0000099.jpg,streetview/panos/0000099.jpg,", "id 99 has no line in split_loc"),
    ],
)
def test_a_wrong_line_is_named(root, text, message) -> None:
    edit(root, TRAIN, 2, text)
    with pytest.raises(IndexFormatError, match=message) as error:
        CVUSA(root, counts=None)
    assert str(error.value).startswith(f"{root / TRAIN}:2: ")


def test_a_wrong_position_is_named(root) -> None:
    edit(root, "split_locations/all.csv", 3, "north,west")
    with pytest.raises(IndexFormatError, match=r"all.csv:3: a line must begin with the tile's lat"):
        CVUSA(root, counts=None)


def test_what_is_missing_is_named(root, tmp_path) -> None:
    with pytest.raises(DatasetError, match="train has 3 pairs where CVUSA has 35532"):
        CVUSA(root)
    (root / "streetview/panos/0000005.jpg").unlink()
    with pytest.raises(DatasetError, match=r"0000005.jpg"):
        CVUSA(root, counts=None)
    with pytest.raises(DatasetNotFoundError, match="Request it as"):
        CVUSA(tmp_path / "nowhere", counts=None)
