"""Where configs are looked for, with a checkout and without."""

from pathlib import Path

import pytest

import geoloc
from geoloc.command_line import main
from geoloc.errors import ConfigError
from geoloc.repository import check_config_path, find_repository
from tests.conftest import ROOT

CONFIG = "configs/dycl/dycl_r18_campusworld.py"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Geoloc as pip installs it, without its repository, called in an empty folder."""
    monkeypatch.setattr(geoloc, "__file__", str(tmp_path / "site-packages/geoloc/__init__.py"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def test_a_checkout_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_repository() == ROOT.resolve()
    with pytest.raises(ConfigError, match=f"not in this folder but {ROOT.resolve() / CONFIG}"):
        check_config_path(CONFIG)
    check_config_path("mine.py")  # which load_config looks for
    check_config_path(ROOT / CONFIG)


def test_without_a_checkout_the_commands_say_what_is_missing(installed: Path) -> None:
    assert find_repository() is None
    with pytest.raises(SystemExit, match=r"run geoloc in a checkout, or name a config of your own"):
        main(["train", CONFIG])
    with pytest.raises(SystemExit, match=r"clone the repository and run this command in it"):
        main(["benchmark", "fig6"])
    (installed / "configs").symlink_to(ROOT / "configs")
    assert find_repository() == installed
    check_config_path(CONFIG)
