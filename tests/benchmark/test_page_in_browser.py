"""The page in headless Chromium: it sorts, and nothing is said on the console."""

import json
import re
import shutil
import subprocess
from html import unescape

import pytest
from example_tables import D_S, EXAMPLE, S_D

from geoloc.benchmark.page import html_page

BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
# Presses the buttons as a reader would and writes what is seen then into the page.
DRIVER = """<script>
const table = document.querySelector("table.results");
const names = () => [...table.rows]
  .filter((row) => !row.hidden && row.closest("tbody"))
  .map((row) => row.cells[0].textContent);
const sorted = () => [...table.querySelectorAll("th[aria-sort]")]
  .map((heading) => heading.getAttribute("aria-sort"));
const press = (heading) => table.querySelectorAll("th[aria-sort] button")[heading].click();
const seen = {before: names()};
press(1); seen.descending = names(); seen.label = sorted();
press(1); seen.ascending = names();
press(0); seen.byName = names();
document.querySelector("button.restore").click(); seen.restored = names();
const paper = document.querySelector("table.results .paper");
const box = document.getElementById("show-paper");
seen.paperShown = getComputedStyle(paper).display !== "none";
box.click();
seen.paperHidden = getComputedStyle(paper).display === "none";
const output = document.createElement("pre");
output.id = "seen";
output.textContent = JSON.stringify(seen);
document.body.append(output);
</script>
</body>"""


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    """Return what the buttons of the page did, and what the browser said."""
    folder = tmp_path_factory.mktemp("browser")
    page = html_page([EXAMPLE], {}).replace("</body>", DRIVER)
    (folder / "page.html").write_text(page)
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"]
    command = [str(BROWSER), *options, f"--user-data-dir={folder / 'profile'}", "--dump-dom"]
    done = subprocess.run(
        [*command, (folder / "page.html").as_uri()], capture_output=True, text=True, timeout=120
    )
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    return json.loads(unescape(found[1])), done.stderr


def order(column, reverse):
    """Return the names of the rows by their number; without one they come last, as they were."""
    present = [row for row in EXAMPLE.rows if column in row.ours]
    absent = [row for row in EXAMPLE.rows if column not in row.ours]
    present.sort(key=lambda row: row.ours[column].mean, reverse=reverse)
    return [row.method for row in present], {row.method for row in absent}


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_the_table_sorts(visit) -> None:
    seen, _ = visit
    assert S_D == EXAMPLE.columns[0] != D_S
    for direction, reverse in (("descending", True), ("ascending", False)):
        present, absent = order(S_D, reverse)
        assert seen[direction][: len(present)] == present
        assert set(seen[direction][len(present) :]) == absent
    assert seen["label"] == ["none", "descending", *["none"] * (len(EXAMPLE.columns) - 1)]
    assert sorted(seen["byName"]) == sorted(row.method for row in EXAMPLE.rows)
    assert [name for name in seen["byName"] if name[0].isalpha()] == [
        *("First", "Nothing", "Second", "Third")
    ]
    assert seen["restored"] == seen["before"] != seen["descending"]


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_the_published_numbers_can_be_hidden(visit) -> None:
    seen, _ = visit
    assert seen["paperShown"]
    assert seen["paperHidden"]


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_nothing_is_said_on_the_console(visit) -> None:
    _, said = visit
    assert ":CONSOLE" not in said
