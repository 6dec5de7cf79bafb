"""The written world: determinism, layout, resumption and refusals."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from geoloc.campusworld import write_campusworld
from geoloc.campusworld.dataset import world_spec
from geoloc.errors import ConfigError, DatasetError

from .conftest import TINY


def fingerprint(root: Path) -> dict[str, str]:
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return {
        p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
    }


def test_same_arguments_give_the_same_bytes(tiny_world: Path, tmp_path: Path) -> None:
    again = write_campusworld(tmp_path / "again", **TINY)
    assert fingerprint(again) == fingerprint(tiny_world)


def test_workers_do_not_change_a_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoloc.campusworld.dataset.FEWEST_IMAGES_FOR_A_POOL", 0)
    small = {**TINY, "places": (3, 2), "views": 1}
    alone = write_campusworld(tmp_path / "alone", workers=1, **small)
    pooled = write_campusworld(tmp_path / "pooled", workers=2, **small)
    assert fingerprint(pooled) == fingerprint(alone)


def test_another_seed_gives_other_places_and_images(tiny_world: Path, tmp_path: Path) -> None:
    small = {**TINY, "places": (2, 1), "views": 1}
    other = fingerprint(write_campusworld(tmp_path / "other", seed=1, **small))
    mine = fingerprint(write_campusworld(tmp_path / "mine", seed=0, **small))
    assert other.keys() == mine.keys()
    assert all(other[name] != mine[name] for name in mine)


def test_layout_is_that_of_da_campus(tiny_world: Path) -> None:
    for split, first, last in (("train", 1, 8), ("test", 9, 12)):
        satellite = (tiny_world / "satellite" / f"{split}.txt").read_text().splitlines()
        drone = (tiny_world / "drone" / f"{split}.txt").read_text().splitlines()
        assert satellite[0] == drone[0] == "path class_id latitude longitude"
        rows = [line.split(" ") for line in satellite[1:]]
        assert [int(row[1]) for row in rows] == list(range(first, last + 1))
        assert [row[0] for row in rows] == [
            f"{split}/{n:04d}/{n:04d}.jpg" for n in range(first, last + 1)
        ]
        assert all(len(value.partition(".")[2]) == 8 for row in rows for value in row[2:])
        expected = [
            " ".join([f"{split}/{int(n):04d}/{int(n):04d}_{view:02d}.jpg", n, lat, lon])
            for _, n, lat, lon in rows
            for view in (1, 2)
        ]
        assert drone[1:] == expected
        for platform, lines in (("satellite", satellite), ("drone", drone)):
            for line in lines[1:]:
                with Image.open(tiny_world / platform / line.split(" ")[0]) as image:
                    assert (image.format, image.size, image.mode) == ("JPEG", (32, 32), "RGB")


def test_nothing_else_is_left_behind(tiny_world: Path) -> None:
    names = fingerprint(tiny_world)
    assert len([n for n in names if n.endswith(".jpg")]) == 12 * 3
    assert sorted(n for n in names if not n.endswith(".jpg")) == [
        "campusworld.json",
        "drone/test.txt",
        "drone/train.txt",
        "satellite/test.txt",
        "satellite/train.txt",
    ]
    assert json.loads((tiny_world / "campusworld.json").read_text())["train_places"] == 8


@pytest.mark.parametrize("mark", ["unfinished", "none", "kept"])
def test_an_interrupted_world_is_resumed(tiny_world: Path, tmp_path: Path, mark: str) -> None:
    root = tmp_path / "broken"
    shutil.copytree(tiny_world, root)
    (root / "satellite/train/0003/0003.jpg").unlink()
    shutil.rmtree(root / "drone/test/0012")
    (root / "drone/test/0011/0011_02.jpg").rename(root / "drone/test/0011/0011_02.jpg.part")
    (root / "drone/train.txt").unlink()
    if mark == "unfinished":
        (root / "campusworld.json").rename(root / "campusworld.json.unfinished")
    elif mark == "none":
        (root / "campusworld.json").unlink()
    kept = root / "drone/train/0001/0001_01.jpg"
    before = kept.stat().st_mtime_ns
    write_campusworld(root, **TINY)
    assert fingerprint(root) == fingerprint(tiny_world)
    assert kept.stat().st_mtime_ns == before


def test_a_finished_world_is_left_alone(tiny_world: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in tiny_world.rglob("*")}
    write_campusworld(tiny_world, **TINY)
    assert {p: p.stat().st_mtime_ns for p in tiny_world.rglob("*")} == before


@pytest.mark.parametrize("name", ["campusworld.json", "campusworld.json.unfinished"])
def test_another_world_is_refused(tiny_world: Path, tmp_path: Path, name: str) -> None:
    root = tmp_path / "taken"
    root.mkdir()
    shutil.copy(tiny_world / "campusworld.json", root / name)
    with pytest.raises(DatasetError, match=r"seed=0 \(asked: 7\).*another folder") as caught:
        write_campusworld(root, seed=7, **TINY)
    assert "views" not in str(caught.value)
    assert [p.name for p in root.iterdir()] == [name]


@pytest.mark.parametrize(
    "name", ["notes.md", "drone/train.txt", "satellite/train/0099/0099.jpg", "street/train.txt"]
)
def test_foreign_files_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("path class_id latitude longitude\n")
    with pytest.raises(DatasetError, match=re.escape(name) + ".*empty folder"):
        write_campusworld(tmp_path, **TINY)


def test_a_damaged_description_is_refused(tmp_path: Path) -> None:
    (tmp_path / "campusworld.json").write_text("[1, 2")
    with pytest.raises(DatasetError, match="not a CampusWorld description"):
        write_campusworld(tmp_path, **TINY)


def test_impossible_parameters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"preset='maxi'.*dacampus, mini"):
        world_spec("maxi")
    for bad in ({"views": 0}, {"places": (0, 4)}, {"image_size": 8}, {"seed": -1}):
        with pytest.raises(ConfigError, match="CampusWorld: "):
            write_campusworld(tmp_path, **{**TINY, **bad})
