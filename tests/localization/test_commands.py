"""The command lines of galleries and of localizing, from files to files."""

import csv
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.datasets.test_dataset_from_photos import mixed_folder
from tests.localization.conftest import Files


def tool(name: str, *arguments: object) -> None:
    """Run a tool in this process."""
    argv = sys.argv
    sys.argv = [name, *map(str, arguments)]
    try:
        runpy.run_path(str(ROOT / f"tools/{name}.py"), run_name="__main__")
    except SystemExit as stop:
        raise RuntimeError(stop.code) from None
    finally:
        sys.argv = argv


def read(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return [*csv.DictReader(stream)]


def test_a_folder_of_images_is_all_it_takes(
    files: Files,
    world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = ("--config", files.config, "--checkpoint", files.checkpoint)
    out = tmp_path / "results"
    photos = tmp_path / "photos"
    photos.mkdir()
    reasons = mixed_folder(photos)
    tool(
        "localize", photos, world / "drone", *model, "--out", out,
        "--gallery", world / "satellite", "--gallery-view", "satellite", "--top-k", 3,
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert "21 files: 14 localized, 7 not read" in printed
    assert "of the 14 photos" in printed
    assert len(read(out / "answers.csv")) == 14
    assert len(read(out / "places.csv")) == 14 * 3
    assert {Path(row["file"]).name for row in read(out / "unread.csv")} == {
        *reasons,
        "cut.jpg",
        "notes.txt",
    }
    assert json.loads((out / "answers.geojson").read_text())["type"] == "FeatureCollection"
    # and the gallery that was built on the way can be used again, to learn the radius
    tool(
        "localize", world / "drone", *model, "--out", out, "--gallery", out / "gallery",
        "--calibrate", 0.8, "--rerank", "KReciprocal", "k1=4", "k2=2",
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert "radii for 80% learnt from 12 photos" in printed
    assert "within their radius" in printed
    assert float(read(out / "answers.csv")[0]["radius_m"]) >= 0
    with pytest.raises(RuntimeError, match="--gallery-view"):
        tool("localize", photos, *model, "--out", out, "--gallery", world / "satellite")
    with pytest.raises(RuntimeError, match="does not exist"):
        tool("localize", photos, *model, "--out", out, "--gallery", tmp_path / "absent")


def test_galleries_are_built_grown_cut_and_merged(
    files: Files,
    world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = ("--config", files.config, "--checkpoint", files.checkpoint, "--view", "satellite")
    one = tmp_path / "one"
    tool("gallery", "build", world / "satellite", one, *model, "--dtype", "int8")
    tool("gallery", "append", world / "drone", one, *model)
    assert "24 rows of width 16 in int8" in capsys.readouterr().out
    tool("gallery", "shard", one, tmp_path / "shards", "--count", 3)
    shards = sorted((tmp_path / "shards").iterdir())
    assert len(shards) == 3
    tool("gallery", "merge", tmp_path / "two", *shards)
    tool("gallery", "index", tmp_path / "two", "--factory", "Flat")
    capsys.readouterr()
    tool("gallery", "info", tmp_path / "two", "--verify")
    printed = capsys.readouterr().out
    assert "all checksums are right" in printed
    assert "24 rows of width 16 in int8" in printed
    assert "Flat over 24 rows" in printed
    with pytest.raises(RuntimeError, match="holds a gallery already"):
        tool("gallery", "build", world / "satellite", one, *model)
    with pytest.raises(RuntimeError, match="--view"):
        tool("gallery", "build", world / "satellite", tmp_path / "x", *model[:4])


def test_an_index_file_elsewhere_gives_gallery_and_positions(
    files: Files, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ("--config", files.config, "--checkpoint", files.checkpoint)
    rows = [
        f"{view}/{row}.png,{view},{row},{10 + row},20,test"
        for view in ("satellite", "drone")
        for row in range(12)
    ]
    index = tmp_path / "index.csv"
    index.write_text("path,view,place,lat,lon,split\n" + "\n".join(rows) + "\n")
    tool("gallery", "build", index, tmp_path / "g", "--root", world, *model, "--view", "satellite")
    capsys.readouterr()
    tool(
        "localize", world / "drone", "--gallery", tmp_path / "g", *model, "--estimate", "top1",
        "--positions", index, "--root", world, "--out", tmp_path / "out",
    )  # fmt: skip
    assert "median error 0.0 m, of the 12 photos" in capsys.readouterr().out


def test_a_gallery_of_descriptors_needs_no_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{row}.jpg,satellite,{row},{row},{row / 2},test" for row in range(4)]
    lines.append("q.jpg,drone,0,0,0,test")
    index = tmp_path / "index.csv"
    index.write_text("path,view,place,lat,lon,split\n" + "\n".join(lines) + "\n")
    np.save(tmp_path / "d.npy", np.random.default_rng(0).normal(size=(5, 8)))
    given = ("--descriptors", tmp_path / "d.npy", "--view", "satellite")
    tool("gallery", "build", index, tmp_path / "g", *given)
    tool("gallery", "append", index, tmp_path / "g", *given)
    assert "8 rows of width 8 in float32\n  model: unknown" in capsys.readouterr().out
    np.save(tmp_path / "d.npy", np.ones((4, 8)))
    with pytest.raises(RuntimeError, match="has 4 rows"):
        tool("gallery", "build", index, tmp_path / "h", *given)
