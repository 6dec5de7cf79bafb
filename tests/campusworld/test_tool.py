"""The command line: what it prints and its exit status."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "make_campusworld.py"


@pytest.fixture
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_campusworld", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_last_line_tells_place_count_and_speed(
    tool: ModuleType, tiny_world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(tiny_world), "--places", "8", "4", "--views", "2", "--image-size", "32"]
    tool.main(arguments)
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert re.fullmatch(rf"{re.escape(str(tiny_world))}: 36 images in .* s \(.* images/s\)", last)


def test_a_mistake_is_one_line_and_status_one(tool: ModuleType, tiny_world: Path) -> None:
    with pytest.raises(SystemExit) as stop:
        tool.main([str(tiny_world), "--views", "3"])
    error = stop.value.code
    assert isinstance(error, str)  # which Python prints to stderr, with status 1
    assert error.startswith("error: ")
    assert "views=2 (asked: 3)" in error
    assert "\n" not in error
