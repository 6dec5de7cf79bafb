"""Paths read from files stay below the folder that they belong to, wherever they are read."""

import json
from pathlib import Path

import numpy as np
import pytest

from geoloc.datasets import Index
from geoloc.datasets.feature_dataset import FeatureDataset
from geoloc.datasets.photo_positions import read_positions
from geoloc.errors import CheckpointError, DatasetError, GalleryError, IndexFormatError
from geoloc.inner_paths import is_file_name, path_fault
from geoloc.localization import Gallery
from geoloc.localization.model_bundle import FILE, ModelBundle

OUTSIDE = ["/etc/passwd", "../a.jpg", "a/../../b.jpg", "..", "\\\\host\\a", "C:\\a", "a\\..\\..\\b"]
INSIDE = ["a.jpg", "a/b.jpg", "..a/b..jpg", "a..b", "a/...", ".hidden", "a b.jpg"]


@pytest.mark.parametrize("path", [*OUTSIDE, "", "a\nb", "a\rb", "a\0b"])
def test_a_path_that_leaves_its_folder_is_told_so(path: str) -> None:
    fault = path_fault(path)
    assert fault is not None
    assert repr(path) in fault
    assert not is_file_name(path)


@pytest.mark.parametrize("path", INSIDE)
def test_odd_names_inside_are_fine(path: str) -> None:
    assert path_fault(path) is None
    assert is_file_name(path) == ("/" not in path)


def test_a_folder_is_no_file_name() -> None:
    assert not is_file_name(".")
    assert not is_file_name("a/b")


def test_a_link_below_the_root_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "disk/a.jpg").write_bytes(b"x")
    (tmp_path / "root/images").symlink_to(tmp_path / "disk")
    (tmp_path / "root/index.csv").write_text(
        "path,view,place,lat,lon,split\nimages/a.jpg,drone,1,2,3,test\n"
    )
    index = Index.read_csv(tmp_path / "root/index.csv")
    assert index.file(0).read_bytes() == b"x"


@pytest.mark.parametrize("path", OUTSIDE)
def test_tables_are_refused_at_their_line(path: str, tmp_path: Path) -> None:
    index = tmp_path / "index.csv"
    index.write_text(
        f"path,view,place,lat,lon,split\na.jpg,drone,1,2,3,test\n{path},drone,2,2,3,test\n"
    )
    with pytest.raises(IndexFormatError, match=r"index\.csv:3: .*must be relative"):
        Index.read_csv(index)
    table = tmp_path / "positions.csv"
    table.write_text(f"path,lat,lon\n{path},2,3\n")
    with pytest.raises(IndexFormatError, match=r"positions\.csv:2: .*must be relative"):
        read_positions(table)


@pytest.mark.parametrize("path", OUTSIDE)
def test_features_are_refused_at_their_row(path: str, tmp_path: Path) -> None:
    np.savez(
        tmp_path / "f.npz", filenames=["a", path], embeddings=np.eye(2), coordinates=np.ones((2, 2))
    )
    with pytest.raises(DatasetError, match=r"f\.npz: filenames\[1\]: .*must be relative"):
        _ = FeatureDataset(tmp_path / "f.npz").index


@pytest.mark.parametrize("name", ["../latlon.npy", "/etc/passwd", "..", "a/latlon.npy", ""])
def test_a_gallery_has_its_files_in_its_folder(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "g"
    Gallery.from_arrays(folder, np.eye(3), np.ones((3, 2)))
    content = json.loads((folder / "gallery.json").read_text())
    content["parts"][0]["files"][1]["name"] = name
    (folder / "gallery.json").write_text(json.dumps(content))
    with pytest.raises(
        GalleryError, match=r"gallery\.json is damaged.*not in the gallery's folder"
    ):
        Gallery(folder)


@pytest.mark.parametrize("name", ["../view.onnx", "/etc/passwd", "..", ""])
def test_a_bundle_has_its_files_in_its_folder(name: str, tmp_path: Path) -> None:
    from geoloc.localization.trained_model import hash_of

    content = {
        "format_version": 1,
        "geoloc_version": "1",
        "about": {},
        "record": {"config_hash": hash_of({}, {"drone": []}), "fingerprint": ""},
        "model": {},
        "pipelines": {"drone": []},
        "files": {name: "0"},
        "graphs": {"drone": name},
        "raw_images": True,
    }
    (tmp_path / FILE).write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=r"bundle\.json names the file .*not in the bundle's"):
        ModelBundle.read(tmp_path)
