"""Polar transforms on disk are those computed on the fly."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from geoloc.datasets import CVACT, CVUSA, cvact, cvusa
from geoloc.datasets.pipeline import ViewPipelines
from geoloc.datasets.polar_maps import PolarMap, maps_of, write_polar_maps
from geoloc.errors import ConfigError, DatasetError, ImageError
from tests.datasets.conftest import write_image

SCALE = (8, 20)
NAMES = ["pano1", "pano2", "pano3"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return three pairs in the layout of CVUSA."""
    for split, ids in {"train": (1, 2), "val": (3,)}.items():
        lines = []
        for number in ids:
            files = [f"{folder}/{number:07d}.jpg" for folder in ("bingmap/19", "streetview/panos")]
            for file in files:
                write_image(tmp_path / file, number, size=24)
            lines.append(f"{files[0]},{files[1]},\n")
        (tmp_path / "splits").mkdir(exist_ok=True)
        (tmp_path / f"splits/{split}-19zl.csv").write_text("".join(lines))
    return tmp_path


def write(root: Path, workers: int = 1, scale=SCALE) -> int:
    index = cvusa.read_cvusa(root, polar=False)
    return write_polar_maps(maps_of(index, cvusa.polar_path), scale, workers)


@pytest.mark.parametrize("workers", [1, 2])
def test_both_ways_give_the_same_pixels(root, workers) -> None:
    assert write(root, workers) == 3
    load, pack = {"type": "LoadImage"}, {"type": "mmpretrain.PackInputs"}
    on_the_fly = ViewPipelines(
        {"satellite": [load, {"type": "PolarTransform", "scale": SCALE}, pack]}
    )
    from_disk = ViewPipelines({"satellite": [load, pack]})
    tiles, maps = (
        CVUSA(root, polar=polar, counts=None).index.select(view="satellite")
        for polar in (False, True)
    )
    for row in range(3):
        cached = from_disk.load("satellite", maps.file(row))
        assert cached.shape == (3, *SCALE)
        assert torch.equal(cached, on_the_fly.load("satellite", tiles.file(row)))
    assert not list(root.rglob("*.part"))


def test_a_call_is_resumed_and_leaves_finished_files_alone(root) -> None:
    write(root)
    kept, lost = root / "polarmap/19/0000001.png", root / "polarmap/19/0000002.png"
    content, before = lost.read_bytes(), kept.stat().st_mtime_ns
    lost.unlink()
    lost.with_name(lost.name + ".part").write_bytes(b"half")
    assert write(root) == 1
    assert (lost.read_bytes(), kept.stat().st_mtime_ns) == (content, before)
    assert not list(root.rglob("*.part"))


def test_cvact_has_a_folder_of_its_own(tmp_path) -> None:
    rows = {name: np.array([[k + 1.0]]) for k, name in enumerate(("train", "val", "test"))}
    savemat(
        str(tmp_path / "ACT_data.mat"),
        {
            "panoIds": np.array(NAMES, dtype=object),
            "utm": np.array([[693000.0 + 90 * k, 6094000.0] for k in range(3)]),
            "trainSet": {"trainInd": rows["train"]},
            "valSet": {"valInd": rows["val"]},
            "valSetAll": {"valInd": rows["test"]},
        },
    )
    for number, name in enumerate(NAMES):
        folder = tmp_path / ("ANU_data_test" if number == 2 else "ANU_data_small")
        write_image(folder / f"streetview/{name}_grdView.jpg", number)
        write_image(folder / f"satview_polish/{name}_satView_polish.jpg", number)
    splits = ("train", "val", "test")
    index = cvact.read_cvact(tmp_path, splits, polar=False, official=False)
    assert write_polar_maps(maps_of(index, cvact.polar_path), SCALE, 1) == 3
    polar = CVACT(tmp_path, splits, polar=True, counts=None).index.select(view="satellite")
    assert polar.path[2] == "ANU_data_test/polarmap/pano3_satView_polish.png"
    with Image.open(polar.file(0)) as image:
        assert image.size == SCALE[::-1]


@pytest.mark.parametrize("workers", [1, 2])
def test_broken_tiles_are_named(root, workers) -> None:
    tile = root / "bingmap/19/0000002.jpg"
    whole = tile.read_bytes()
    for change, message in {
        "truncated": f"image {tile} cannot be decoded",
        "wide": rf"{tile}: the polar transform needs a square .* got \[4, 5, 3\]",
        "missing": f"image {tile} does not exist",
    }.items():
        if change == "truncated":
            tile.write_bytes(whole[:200])
        elif change == "wide":
            Image.new("RGB", (5, 4)).save(tile)
        else:
            tile.unlink()
        with pytest.raises(ImageError, match=message):
            write(root, workers)
        assert not (root / "polarmap/19/0000002.png").exists()


def test_files_of_another_size_are_not_mixed(root) -> None:
    write(root)
    with pytest.raises(DatasetError, match="has 20 x 8 pixels instead of 20 x 9; delete the fold"):
        write(root, scale=(9, 20))
    (root / "polarmap/19/0000001.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"0000001.png cannot be read .* delete it"):
        write(root)
    with pytest.raises(ConfigError, match=r"scale=\(0, 4\)"):
        write_polar_maps([PolarMap(Path("a"), Path("b"))], (0, 4))


def test_the_tool(root, run_tool) -> None:
    done = run_tool("polar_maps.py", root, "--scale", 8, 20, "--workers", 1)
    assert done.returncode == 0, done.stderr
    assert "3 of 3 tiles transformed" in done.stdout
    (root / "bingmap/19/0000003.jpg").unlink()
    (root / "polarmap/19/0000003.png").unlink()
    done = run_tool("polar_maps.py", root, "--scale", 8, 20, "--workers", 1)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "0000003.jpg does not exist" in done.stderr
