"""The command lines of galleries and of localizing, from files to files."""

import csv
import json
import os
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geoloc.command_line import main
from geoloc.localization import Describer
from geoloc.localization.model_bundle import FILE as BUNDLE
from tests.conftest import ROOT
from tests.datasets.test_dataset_from_photos import mixed_folder, write_photo
from tests.geo.test_geotiff import SCALE, TIEPOINT, noise, write_geotiff
from tests.localization.conftest import Files
from tests.visualization.browser import Page


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
    on_map = Page((out / "map.html").read_text(encoding="utf-8")).content()["photos"]
    errors = [row["error_m"] for row in read(out / "answers.csv")]
    assert [photo["error"] is None for photo in on_map] == sorted(not error for error in errors)
    # and the gallery that was built on the way can be used again, to learn the radius
    tool(
        "localize", world / "drone", *model, "--out", out, "--gallery", out / "gallery",
        "--calibrate", 0.8, "--rerank", "KReciprocal", "k1=4", "k2=2",
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert "radii for 80% learnt from 12 photos" in printed
    assert "within their radius" in printed
    assert float(read(out / "answers.csv")[0]["radius_m"]) >= 0
    with pytest.raises(RuntimeError, match="does not exist"):
        tool("localize", photos, *model, "--out", out, "--gallery", tmp_path / "absent")


@pytest.fixture
def run_folder(files: Files, tmp_path: Path) -> Path:
    """A run folder as a training leaves it in work_dirs of the current folder."""
    folder = tmp_path / "work_dirs/tiny"
    folder.mkdir(parents=True)
    shutil.copy(files.config, folder / "tiny.py")
    shutil.copy(files.checkpoint, folder / "epoch_2.pth")
    shutil.copy(files.other, folder / "epoch_1.pth")
    (folder / "last_checkpoint").write_text("work_dirs/tiny/epoch_2.pth")
    return folder


def everything_below(folder: Path) -> set[str]:
    """Return all names below a folder but those of real folders, as ``find ! -type d`` does."""
    found = set()
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        found |= {str(Path(parent) / name) for name in (*names, *links)}
    return found


def test_a_mixed_folder_is_accounted_for_file_by_file(
    run_folder: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, out = tmp_path / "my photos", tmp_path / "results"
    reasons = mixed_folder(photos)  # cut, empty, text, a pipe, links, and names beyond ASCII
    reasons |= {"cut.jpg": "cannot be decoded", "notes.txt": "cannot be decoded"}
    write_photo(photos / "no position.jpg", None, 3)
    Image.open(world / "drone/4.png").save(photos / "plain.png")  # without its EXIF block
    shutil.copy(world / "drone/5.png", photos / "Größe ☂.png")
    odd = os.fsdecode(b"not utf-8 \xff.jpg")
    shutil.copy(photos / "a.jpg", photos / odd)
    gallery = str(world / "satellite")
    options = ("--gallery", gallery, "--model", str(run_folder), "--out", str(out))
    main(["localize", str(photos), *options])
    printed = capsys.readouterr().out
    localized = {row["photo"]: row for row in read(out / "answers.csv")}
    unread = {row["file"]: row["reason"] for row in read(out / "unread.csv")}
    named = {name.replace("\udcff", "\\udcff") for name in everything_below(photos)}
    assert localized.keys() | unread.keys() == named
    assert not localized.keys() & unread.keys()
    assert {Path(file).name for file in unread} == set(reasons)
    for file, reason in unread.items():
        assert reasons[Path(file).name] in reason
        assert f"  {file}: {reason}" in printed.splitlines()  # the bad ones are named at once
    assert f"{len(named)} files: 6 localized, 7 not read" in printed
    known = {Path(file).name for file, row in localized.items() if row["error_m"]}
    assert known == {"a.jpg", "ü 日本.jpg", "Größe ☂.png", "not utf-8 \\udcff.jpg"}
    # The copy of a known picture is found where that picture is
    exact = localized[str(photos / "plain.png")]
    assert float(exact["best_lat"]) == pytest.approx(48.0 + 4 / 64)
    assert exact["error_m"] == ""


def test_the_newest_run_is_the_model_and_above_is_the_view(
    run_folder: Path,
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["localize", str(world / "drone"), "--gallery", str(world / "satellite")])
    printed = capsys.readouterr().out
    assert "model: work_dirs/tiny, the newest run in work_dirs" in printed
    manifest = json.loads(Path("results/gallery/gallery.json").read_text())
    assert manifest["model"]["view"] == "satellite"
    expected = Describer.from_config(run_folder / "tiny.py", run_folder / "epoch_2.pth")
    assert manifest["model"]["fingerprint"] == expected.record("satellite").fingerprint
    tags = {SCALE: (2e-5, 1e-5, 0), TIEPOINT: (0, 0, 0, 24.75, 60.25, 0)}
    write_geotiff(tmp_path / "ortho.tif", noise(90, 90), 4326, tags)
    raster = ["localize", str(world / "drone"), "--gallery", "ortho.tif", "--model"]
    main([*raster, "work_dirs/tiny", "--ground-size", "33.5", "--out", "tiles"])
    assert "gallery of 9 images in tiles/gallery" in capsys.readouterr().out
    assert read(Path("tiles/places.csv"))[0]["image"].startswith(f"{tmp_path}/ortho.tif#xywh=")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("nowhere.jpg", "--gallery", "satellite"), "no file or folder nowhere.jpg"),
        (("drone", "--gallery", "gone"), "--gallery gone does not exist"),
        (("drone", "--gallery", "satellite"), "no run in work_dirs: give --model FOLDER"),
        (("drone", "--gallery", "satellite", "--model", "gone"), "no run folder gone"),
        (
            ("drone", "--gallery", "satellite", "--config", "tiny.py"),
            "give --model FOLDER, or --config CONFIG with --checkpoint",
        ),
        (
            ("drone", "--gallery", "satellite", "--model", "run", "--checkpoint", "a.pth"),
            "give --model FOLDER, or --config",
        ),
        (
            ("drone", "--gallery", "satellite", "--model", "bundle", "--checkpoint", "a.pth"),
            "give --model FOLDER, or --config",
        ),
        (("drone", "--gallery", "ortho.tif", "--model", "run"), r"is a raster: .*--ground-size"),
        (("drone", "--gallery", "satellite", "--model", "street"), "--gallery-view, .*drone or st"),
        (("notes.txt", "--gallery", "satellite", "--model", "run"), "no photo to read in notes"),
    ],
)
def test_a_mistake_is_named(
    options: tuple[str, ...],
    message: str,
    run_folder: Path,
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    run_folder.parent.rename("runs")
    for view in ("drone", "satellite"):
        Path(view).symlink_to(world / view)
    shutil.copytree("runs/tiny", "run")
    shutil.copytree("runs/tiny", "street")
    file = Path("street/tiny.py")
    file.write_text(file.read_text().replace("satellite=", "street="))
    Path("notes.txt").write_text("no photo")
    Path("bundle").mkdir()
    Path("bundle", BUNDLE).touch()
    Path("ortho.tif").touch()
    with pytest.raises(SystemExit, match=f"error: .*{message}"):
        main(["localize", *options])


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
    with pytest.raises(RuntimeError, match="--model FOLDER, or --config CONFIG with --checkpoint"):
        tool("gallery", "build", world / "satellite", tmp_path / "x", *model[:2], *model[4:])


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
