import json

import numpy as np
import pytest
from geopy.distance import geodesic
from PIL import Image

from geoloc.campusworld.street_world import StreetSpec, write_streetworld
from geoloc.datasets.street_world import StreetWorld
from geoloc.errors import ConfigError, DatasetError

SMALL = {
    "train_places": 4,
    "val_places": 2,
    "places_per_campus": 2,
    "panorama": (16, 64),
    "tile_px": 16,
}


@pytest.fixture(scope="module", params=["cvusa", "cvact"])
def root(request, tmp_path_factory):
    root = tmp_path_factory.mktemp(request.param) / "world"
    return write_streetworld(root, StreetSpec(layout=request.param, **SMALL), workers=1)


def layout_of(root) -> str:
    return json.loads((root / "streetworld.json").read_text())["layout"]


def test_the_readers_of_the_datasets_read_it(root) -> None:
    source = StreetWorld(root, layout=layout_of(root), **SMALL)
    index = source.index
    assert source.protocol.splits == {
        "train": {"places": 4, "images": {"satellite": 4, "street": 4}},
        "val": {"places": 2, "images": {"satellite": 2, "street": 2}},
    }
    for row in range(len(index)):
        with Image.open(index.file(row)) as image:
            assert image.size == ((64, 16) if index.view[row] == "street" else (16, 16))
    latlon = index.place_latlon
    metres = np.array([[geodesic(a, b).m for b in latlon] for a in latlon])
    apart = metres[~np.eye(len(latlon), dtype=bool)]
    assert apart.min() >= 29.9
    assert apart.max() > 3000  # of another campus


def test_a_finished_world_is_left_alone_and_another_refused(root) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    write_streetworld(root, StreetSpec(layout=layout_of(root), **SMALL))
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
    with pytest.raises(DatasetError, match="holds a StreetWorld with other parameters"):
        write_streetworld(root, StreetSpec(layout=layout_of(root), seed=1, **SMALL))
    with pytest.raises(DatasetError, match="is not empty and no StreetWorld"):
        write_streetworld(root.parent, StreetSpec(**SMALL))


def test_an_interrupted_call_goes_on(root, tmp_path) -> None:
    spec = StreetSpec(layout=layout_of(root), **SMALL)
    copy = tmp_path / "world"
    write_streetworld(copy, spec, workers=1)
    (copy / "streetworld.json").rename(copy / "streetworld.json.unfinished")
    (copy / "campuses/1.json").unlink()
    for path in copy.rglob("*.jpg"):
        path.unlink() if "3." in path.name or "3_" in path.name else None
    write_streetworld(copy, spec, workers=1)
    files = {path.relative_to(root) for path in root.rglob("*.jpg")}
    assert files == {path.relative_to(copy) for path in copy.rglob("*.jpg")}
    for name in files:
        assert (copy / name).read_bytes() == (root / name).read_bytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layout": "osv"}, "layout='osv' must be one of cvusa, cvact, vigor"),
        ({"layout": "vigor"}, "needs 2 campuses each for train and val, but .* make 2 and 1; ask"),
        ({"tile_px": 8}, "tile_px=8 must be 16 px"),
        ({"train_places": 0}, "train_places=0 is too small"),
    ],
)
def test_what_makes_no_world_is_named(tmp_path, changes, message) -> None:
    with pytest.raises(ConfigError, match=message):
        write_streetworld(tmp_path / "w", StreetSpec(**{**SMALL, **changes}))
