import json
import re
import runpy
from pathlib import Path

import pytest

from geoloc.errors import ConfigError
from geoloc.registry import LOSSES

ROOT = Path(__file__).parents[2]


def test_pages_are_up_to_date(run_tool):
    done = run_tool("method_pages.py", "--check")
    assert done.returncode == 0, done.stderr


def test_every_method_and_loss_has_its_row():
    page = (ROOT / "docs/methods.md").read_text()
    folders = {path.parent.name for path in (ROOT / "configs").glob("[!_]*/*.py")}
    assert folders == set(re.findall(r"^\| \[[^]]+\]\(\.\./configs/(\w+)\)", page, re.MULTILINE))
    ours = {name for name, loss in LOSSES.module_dict.items() if loss.__module__[:7] == "geoloc."}
    assert ours <= set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    for target in re.findall(r"\]\(([^)]+)\)", page):
        assert (ROOT / "docs" / target).exists(), target


def test_published_numbers_stand_under_the_name_of_their_paper():
    page = (ROOT / "configs/dycl/README.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| satellite->drone"))
    assert row.startswith("| satellite->drone | 46.02 | 55.63 | 80.22 | 32.31 | 44.56 | 64.79 |")
    above = page[: page.index(row)].rstrip().splitlines()
    assert any(line.startswith("Paper, DyCL on DA-Campus (") for line in above[-6:])


def test_a_row_that_no_paper_prints_is_refused():
    published = runpy.run_path(str(ROOT / "tools/method_pages.py"))["published"]
    assert len(list(published("LPN"))) == 3
    assert len(list(published("MSFA"))) == 3  # of Table 1, not of the tables that repeat it
    (mining,) = published("MSFA + XBM-hard")
    assert "Table 2" in mining
    assert "94.90" in mining
    assert not list(published("-"))
    with pytest.raises(ConfigError, match="numbers of DyCLL -->: no table"):
        list(published("DyCLL"))


@pytest.mark.parametrize("name", ["dycl_r18_campusworld", "no_config_of_ours"])
def test_only_finished_runs_of_configs_are_taken_over(run_tool, tmp_path, name):
    run = tmp_path / name
    run.mkdir()
    if not name.startswith("dycl"):
        (run / "metrics.json").write_text(json.dumps({}))
    done = run_tool("method_pages.py", "--add", run)
    assert done.returncode == 1
    assert re.match(r"error: .*(no finished run|no config no_config_of_ours.py)", done.stderr)
