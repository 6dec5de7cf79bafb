"""Folders of datasets and of runs, seen from the current one."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from geoloc.doctor import dataset_folders
from geoloc.doctor.dataset_folders import FOLDERS
from geoloc.doctor.work_folder import writable
from geoloc.engine.config import Config
from tests.conftest import ROOT


def roots(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {node["data_root"]} if "data_root" in node else set()
        return own.union(*map(roots, node.values()))
    return set().union(*map(roots, node)) if isinstance(node, (list, tuple)) else set()


def test_the_folders_are_those_of_the_dataset_configs() -> None:
    configs = (ROOT / "configs/_base_/datasets").glob("*.py")
    read = set().union(*(roots(Config.fromfile(path).to_dict()) for path in configs))
    # features extracted beforehand lie in the folder of their photos
    assert {root for root in read if not root.endswith("features")} == set(FOLDERS)


def test_images_are_counted_and_links_are_followed_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a/b/1.JPG", "a/2.png", "a/notes.txt", "3.webp"):
        file = tmp_path / "elsewhere" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    data = tmp_path / "data"
    (data / "DyML").mkdir(parents=True)
    (data / "VIGOR").symlink_to(tmp_path / "elsewhere")
    (data / "CVUSA").symlink_to("/not/mounted")
    found = {each.name: each for each in dataset_folders.dataset_folders()}
    assert list(found) == list(FOLDERS)
    assert (found["data/VIGOR"].text, found["data/VIGOR"].status) == ("3 images", "ok")
    assert found["data/DyML"].text == "holds no image (see docs/data.md)"
    assert found["data/CVUSA"].text == "is a link to /not/mounted, which is not there: mount it"
    assert found["data/CVACT"] == ("data/CVACT", "missing (see docs/data.md)", "absent")
    monkeypatch.setattr(dataset_folders, "MANY", 2)
    found = {each.name: each for each in dataset_folders.dataset_folders()}
    assert found["data/VIGOR"].text == "2 images or more"


def test_runs_need_leave_and_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = writable(Path("work_dirs/new"))
    free = shutil.disk_usage(tmp_path).free
    assert found.status == "ok"
    assert float(found.text.split()[1]) == pytest.approx(free / 1e9, abs=1)
    assert list(tmp_path.iterdir()) == []  # looking leaves nothing behind
    (tmp_path / "work_dirs").touch()
    found = writable(Path("work_dirs"))
    assert found.status == "broken"
    assert "--work-dir" in found.text
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0.25e9))
    found = writable(tmp_path)
    assert found.status == "broken"
    assert found.text.startswith(f"0.25 GB free in {tmp_path}")
