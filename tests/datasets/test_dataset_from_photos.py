"""Photos on disk, as a dataset: files, positions, places."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geoloc.datasets.photo_files import photo_files
from geoloc.datasets.photo_positions import PhotoPositions
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError, IndexFormatError
from geoloc.registry import DATASETS


def write_photo(path: Path, latlon: tuple[float, float] | None = None, seed: int = 0) -> Path:
    """Write a JPEG with a position in its EXIF block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    exif = image.getexif()
    if latlon is not None:
        lat, lon = latlon
        refs = {1: "N" if lat >= 0 else "S", 3: "E" if lon >= 0 else "W"}
        exif[0x8825] = refs | {2: (abs(lat), 0.0, 0.0), 4: (abs(lon), 0.0, 0.0)}
    image.save(path, exif=exif)
    return path


def mixed_folder(root: Path) -> dict[str, str]:
    """Write photos and everything that is none; return reasons by name for the latter."""
    write_photo(root / "a.jpg", (48.5, 11.25))
    write_photo(root / "täglich" / "ü 日本.jpg", (48.5, 11.5))
    (root / "empty.jpg").touch()
    (root / "notes.txt").write_text("no photo")
    whole = write_photo(root / "cut.jpg", (48.5, 11.25)).read_bytes()
    (root / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "loop").symlink_to(root / "loop")
    (root / "gone.jpg").symlink_to(root / "nowhere.jpg")
    (root / "täglich" / "up").symlink_to(root)
    os.mkfifo(root / "pipe.jpg")
    return {
        "empty.jpg": "empty",
        "loop": "symbolic links",
        "gone.jpg": "does not exist",
        "up": "not followed",
        "pipe.jpg": "no regular file",
    }


def test_every_file_is_accounted_for(tmp_path: Path) -> None:
    reasons = mixed_folder(tmp_path)
    files, unusable = photo_files([tmp_path, tmp_path / "a.jpg", tmp_path / "absent.jpg"])
    assert [file.name for file in files] == ["a.jpg", "cut.jpg", "notes.txt", "ü 日本.jpg"]
    assert unusable.pop(tmp_path / "absent.jpg") == "does not exist"
    assert {file.name for file in unusable} == set(reasons)
    for file, reason in unusable.items():
        assert reasons[file.name] in reason


def test_table_before_name_before_exif(tmp_path: Path) -> None:
    name = "@@@@@10@20@.jpg"
    for file in ("a.jpg", name, "b.jpg", "c.jpg"):
        write_photo(tmp_path / file, (48.5, 11.25) if file != "c.jpg" else None)
    assert PhotoPositions(tmp_path).of(tmp_path / "b.jpg") == pytest.approx((48.5, 11.25))
    assert PhotoPositions(tmp_path).of(tmp_path / name) == (10.0, 20.0)
    assert PhotoPositions(tmp_path).of(tmp_path / "c.jpg") is None
    (tmp_path / "positions.csv").write_text(f"lon,lat,path,note\n2,1,{name},\n4,3,./b.jpg,x\n")
    assert PhotoPositions(tmp_path).of(tmp_path / name) == (1.0, 2.0)
    assert PhotoPositions(tmp_path).of(tmp_path / "b.jpg") == (3.0, 4.0)
    assert photo_files([tmp_path])[0][-1].name == "c.jpg"  # the table is no photo


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.jpg,91,0", "outside"),
        ("a.jpg,x,0", "degrees"),
        ("../a.jpg,1,0", "stay inside"),
        ("b.jpg,1,2", "twice"),
    ],
)
def test_a_bad_table_is_refused_by_line(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "positions.csv").write_text(f"path,lat,lon\nb.jpg,1,2\n{line}\n")
    with pytest.raises(IndexFormatError, match=rf"positions\.csv:3: .*{message}"):
        PhotoPositions(tmp_path)


def test_a_folder_becomes_a_dataset(tmp_path: Path) -> None:
    for number in range(3):
        place = (48.5 + number / 1024, 179.75 if number else -179.75)
        write_photo(tmp_path / "drone" / "x" / f"{number}.jpg", place)
        write_photo(tmp_path / "drone" / "x" / f"{number} again.jpg", place)
        write_photo(tmp_path / "satellite" / f"{number}.png", place)
    source = DATASETS.build({"type": "DatasetFromPhotos", "data_root": str(tmp_path)})
    assert source.protocol.dataset == tmp_path.name
    index = source.index
    assert len(index.places) == 3
    assert len(index.select("test", "drone")) == 6
    assert sorted(index.lon.tolist()) == [-179.75] * 3 + [179.75] * 6
    only = DATASETS.build(
        {"type": "DatasetFromPhotos", "data_root": tmp_path, "views": ["satellite"]}
    )
    assert np.unique(only.index.view).tolist() == ["satellite"]


def test_places_by_folder_lie_in_the_middle_of_their_photos(tmp_path: Path) -> None:
    write_photo(tmp_path / "drone/p1/a.jpg", (10.0, 179.75))
    write_photo(tmp_path / "drone/p1/b.jpg", (10.5, -179.75))
    write_photo(tmp_path / "satellite/p1/c.jpg", (10.25, 180.0))
    write_photo(tmp_path / "satellite/p2/c.jpg", (20.0, 5.0))
    config = {"type": "DatasetFromPhotos", "data_root": tmp_path, "places": "folder"}
    index = DATASETS.build(config).index
    np.testing.assert_allclose(index.place_latlon[0], [10.25, 180.0])
    np.testing.assert_allclose(index.image_latlon[1], [10.5, -179.75])
    write_photo(tmp_path / "drone/stray.jpg", (1.0, 2.0))
    with pytest.raises(DatasetError, match=r"stray\.jpg is in no folder of a place"):
        DATASETS.build(config)


def test_unusable_files_are_refused_or_skipped(tmp_path: Path) -> None:
    write_photo(tmp_path / "drone/a.jpg", (1.0, 2.0))
    write_photo(tmp_path / "drone/b.jpg")
    (tmp_path / "drone/c.jpg").write_text("no photo")
    config = {"type": "DatasetFromPhotos", "data_root": tmp_path}
    with pytest.raises(DatasetError, match="2 files"):
        DATASETS.build(config)
    source = DATASETS.build({**config, "unusable": "skip"})
    assert len(source.index) == 1
    assert {file.name for file in source.skipped} == {"b.jpg", "c.jpg"}


def test_mistakes_are_told(tmp_path: Path) -> None:
    write_photo(tmp_path / "drone/b.jpg")
    config = {"type": "DatasetFromPhotos", "data_root": tmp_path}
    with pytest.raises(DatasetError, match="no photo with a position"):
        DATASETS.build({**config, "unusable": "skip"})
    with pytest.raises(ConfigError, match="places='folders'"):
        DATASETS.build({**config, "places": "folders"})
    with pytest.raises(DatasetNotFoundError, match=r"'street'.*it has drone"):
        DATASETS.build({**config, "views": ["street"]})
    with pytest.raises(DatasetNotFoundError, match="absent"):
        DATASETS.build({**config, "data_root": tmp_path / "absent"})
