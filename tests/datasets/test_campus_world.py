import pytest

from geoloc import campusworld
from geoloc.datasets import CampusWorld, fingerprint, rendering
from geoloc.errors import ConfigError
from geoloc.registry import DATASETS

TINY = {"places": (3, 2), "views": 2, "image_size": 16}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Render a tiny world once."""
    root = tmp_path_factory.mktemp("world")
    return root, DATASETS.build({"type": "CampusWorld", "data_root": str(root), **TINY})


def test_world_is_read_like_da_campus(world):
    root, source = world
    assert source.protocol.dataset == "CampusWorld"  # not of the size that "mini" names
    assert source.protocol.splits == {
        "train": {"places": 3, "images": {"drone": 6, "satellite": 3}},
        "test": {"places": 2, "images": {"drone": 4, "satellite": 2}},
    }
    assert all(source.index.file(row).is_relative_to(root) for row in range(len(source.index)))


def test_finished_world_is_read_again(world):
    root, source = world
    before = {file: file.stat().st_mtime_ns for file in root.rglob("*.*")}
    again = CampusWorld(root, **TINY, thresholds_m=(3, 100))
    assert fingerprint(again.index) == source.protocol.fingerprint
    assert again.thresholds_m == (3.0, 100.0)
    assert {file: file.stat().st_mtime_ns for file in root.rglob("*.*")} == before


def test_only_the_first_rank_renders_and_all_meet(world, monkeypatch):
    root, source = world
    events = []
    monkeypatch.setattr(campusworld, "write_campusworld", lambda *_, **__: events.append("render"))
    monkeypatch.setattr(rendering, "barrier", lambda: events.append("barrier"))
    for main, expected in ((True, ["render", "barrier"]), (False, ["barrier"])):
        events.clear()
        monkeypatch.setattr(rendering, "is_main_process", lambda main=main: main)
        other = CampusWorld(root, **TINY)
        assert events == expected
        assert other.protocol == source.protocol


def test_failed_rendering_does_not_leave_the_other_ranks_waiting(tmp_path, monkeypatch):
    met = []
    monkeypatch.setattr(rendering, "barrier", lambda: met.append(True))
    with pytest.raises(ConfigError, match="preset='huge'"):
        CampusWorld(tmp_path, preset="huge")
    assert met == [True]
