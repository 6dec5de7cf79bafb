"""The page of dependencies has every package that setup.cfg asks for, with a licence."""

import re
import runpy
from pathlib import Path

import pytest

from geoloc.errors import ConfigError
from tests.conftest import ROOT

TOOL = runpy.run_path(str(ROOT / "tools/dependencies.py"))
PAGE = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")


def test_every_package_is_in_the_page() -> None:
    rows = dict(TOOL["ROW"].findall(PAGE))
    text = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    wanted = set(re.findall(r"^    ([A-Za-z][\w.-]*)>=", text, re.MULTILINE))
    assert len(wanted) > 20
    assert rows.keys() == wanted
    assert all(licence.strip() for licence in rows.values())


def test_the_groups_are_those_of_setup_cfg() -> None:
    groups = {each.name: each.groups for each in TOOL["dependencies"]()}
    assert groups["torch"] == ("always",)
    assert groups["timm"] == ("test", "timm")


def test_an_unknown_licence_is_told_and_a_known_one_kept() -> None:
    absent = TOOL["Dependency"]("no-such-package-at-all", ("always",))
    with pytest.raises(ConfigError, match="no-such-package-at-all is not installed"):
        TOOL["row"](absent, {})
    assert "| MIT |" in TOOL["row"](absent, {"no-such-package-at-all": "MIT"})


def test_the_check_names_what_the_page_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "dependencies.md"
    page.write_text("".join(line for line in PAGE.splitlines(True) if "| [timm]" not in line))
    monkeypatch.setitem(TOOL["main"].__globals__, "PAGE", page)
    monkeypatch.setattr("sys.argv", ["dependencies.py", "--check"])
    with pytest.raises(SystemExit, match="lacks timm;"):
        TOOL["main"]()
    page.write_text(PAGE)
    TOOL["main"]()


def test_what_a_package_says_is_found() -> None:
    assert "MIT" in TOOL["licence_of"]("rich")
    assert TOOL["licence_of"]("no-such-package-at-all") is None


def test_the_page_is_a_file_of_the_repository() -> None:
    assert TOOL["PAGE"] == Path(ROOT / "docs/dependencies.md").resolve()
