import runpy
from pathlib import Path

import pytest

from geoloc.errors import ConfigError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pages():
    return runpy.run_path(str(ROOT / "tools/include_tables.py"))["pages"]


def test_pages_hold_what_they_include(run_tool) -> None:
    done = run_tool("include_tables.py", "--check")
    assert done.returncode == 0, done.stderr


def test_a_block_becomes_the_file(pages, tmp_path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.md").write_text(r"| 1 \_ |" + "\n")
    block = "<!-- include {} -->\nold\n\nolder\n<!-- end of include -->\n"
    (tmp_path / "README.md").write_text(f"before\n{block.format('docs/a.md')}after\n")
    (tmp_path / "docs/page.md").write_text(block.format("a.md"))
    found = dict(pages(tmp_path))
    new = r"| 1 \_ |" + "\n<!-- end of include -->\n"
    readme = f"before\n<!-- include docs/a.md -->\n{new}after\n"
    assert found[tmp_path / "README.md"] == readme
    assert found[tmp_path / "docs/page.md"] == f"<!-- include a.md -->\n{new}"
    assert found[tmp_path / "docs/a.md"] == r"| 1 \_ |" + "\n"


def test_a_missing_file_is_named(pages, tmp_path) -> None:
    (tmp_path / "README.md").write_text("<!-- include no.md -->\n<!-- end of include -->\n")
    with pytest.raises(ConfigError, match=r"README.md: <!-- include no.md -->: there is no such"):
        list(pages(tmp_path))
