import hashlib
import shutil

import numpy as np
import pytest
from PIL import Image

from geoloc.datasets.gazetteer_file import read_gazetteer
from geoloc.datasets.globe_world import GlobeWorld
from geoloc.datasets.osv5m import OSV5M
from geoloc.errors import ConfigError, DatasetError
from geoloc.globeworld.dataset import write_globeworld
from geoloc.globeworld.spec import GlobeSpec


def digest(root) -> str:
    total = hashlib.sha256()
    for file in sorted(path for path in root.rglob("*") if path.is_file()):
        total.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return total.hexdigest()


def test_the_reader_of_osv5m_reads_it(small_globe) -> None:
    root, world = small_globe
    source = GlobeWorld(root, **world)
    assert source.protocol.splits == {
        "test": {"places": 12, "images": {"photo": 12}},
        "train": {"places": 27, "images": {"photo": 27}},
        "val": {"places": 3, "images": {"photo": 3}},
    }
    index = source.index
    assert sorted(OSV5M(root).index.path.tolist()) == sorted(index.path.tolist())
    for row in (0, len(index) - 1):
        with Image.open(index.file(row)) as image:
            assert (image.size, image.mode) == ((16, 16), "RGB")
    areas = read_gazetteer(root / "towns.csv").areas(index.image_latlon)
    for level, names in areas.items():
        np.testing.assert_array_equal(index.label_text(level), names)


def test_the_same_parameters_give_the_same_bytes(small_globe, tmp_path) -> None:
    root, world = small_globe
    again = write_globeworld(tmp_path / "again", GlobeSpec(**world), workers=1)
    assert digest(again) == digest(root)
    other = write_globeworld(tmp_path / "other", GlobeSpec(**{**world, "seed": 1}), workers=1)
    assert digest(other) != digest(root)


def test_an_interrupted_call_goes_on(small_globe, tmp_path) -> None:
    root, world = small_globe
    copy = tmp_path / "world"
    shutil.copytree(root, copy)
    (copy / "globeworld.json").rename(copy / "globeworld.json.unfinished")
    (copy / "test.csv").unlink()
    gone = sorted((copy / "images/train/00").iterdir())[::3]
    for file in gone:
        file.unlink()
    kept = {path: path.stat().st_mtime_ns for path in copy.rglob("*.jpg")}
    write_globeworld(copy, GlobeSpec(**world), workers=1)
    assert digest(copy) == digest(root)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_a_finished_world_is_left_alone_and_another_refused(small_globe) -> None:
    root, world = small_globe
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    write_globeworld(root, GlobeSpec(**world))
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
    with pytest.raises(DatasetError, match="holds a GlobeWorld with other parameters"):
        write_globeworld(root, GlobeSpec(**{**world, "towns": 41}))
    with pytest.raises(DatasetError, match="is not empty and no GlobeWorld"):
        write_globeworld(root.parent, GlobeSpec(**world))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_photos": 0}, "train_photos=0 is too small"),
        ({"countries": 99}, "countries=99 is too large"),
        ({"seed": -1}, "seed=-1 must be in"),
        ({"local_km": 10.0}, r"ranges .* must be in 100 .. 20000"),
        ({"land_share": 0.0}, r"land_share=0\.0"),
        ({"town_share": 2.0}, r"town_share=2\.0"),
        ({"separation_km": -1.0}, r"separation_km=-1\.0"),
        ({"landmark_sites": 0}, "landmark_sites=0"),
    ],
)
def test_what_makes_no_world_is_named(changes, message) -> None:
    with pytest.raises(ConfigError, match=message):
        GlobeSpec(**changes)
