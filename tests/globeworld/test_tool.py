"""The command line: what it prints and its exit status."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest
from PIL import Image

from geoloc.globeworld import pictures
from geoloc.globeworld.spec import GlobeSpec

TOOL = Path(__file__).parents[2] / "tools" / "make_globeworld.py"


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location("make_globeworld", TOOL)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_last_line_tells_count_and_speed(tool, tmp_path, capsys) -> None:
    out = tmp_path / "world"
    tool.main([str(out), "--photos", "6", "2", "--image-size", "16", "--workers", "1"])
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert re.fullmatch(rf"{re.escape(str(out))}: 8 photos in .* s \(.* photos/s\)", last)
    with pytest.raises(SystemExit) as stop:
        tool.main([str(out), "--photos", "7", "2"])
    assert str(stop.value.code).startswith("error: ")
    assert "\n" not in str(stop.value.code)


def test_pictures_are_drawn(tool, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pictures, "GlobeSpec", lambda seed: GlobeSpec(seed, 60, 20, towns=60))
    tool.contact_sheet(tmp_path / "sheet.png", rows=2, side=16)
    tool.planet_map(tmp_path / "map.png", width=40)
    with Image.open(tmp_path / "sheet.png") as sheet, Image.open(tmp_path / "map.png") as planet:
        assert sheet.size == (156, 36)
        assert planet.size == (40, 20)
    with pytest.raises(SystemExit):
        tool.main([])
