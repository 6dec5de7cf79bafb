import re

import pytest
from example_tables import EXAMPLE, HOSTILE, RUN, any_table
from hypothesis import given
from table_readers import Tables, normal

from geoloc.benchmark.figures import lines
from geoloc.benchmark.page import html_page
from geoloc.benchmark.statistics import estimate

KNOWN = {
    *("html", "head", "meta", "title", "link", "style", "body", "header", "nav", "main", "section"),
    *("h1", "h2", "h3", "p", "ul", "li", "a", "label", "input", "button", "div", "span", "wbr"),
    *("strong", "u", "table", "thead", "tbody", "tr", "th", "td", "details", "summary"),
}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("figures") / "lines"
    lines("t", "x", "y", {HOSTILE: [(1, estimate([1, 2]))]}, False, path)
    return html_page([EXAMPLE, EXAMPLE], {"caption <i>": path.with_suffix(".svg")})


def test_the_page_asks_for_nothing(page):
    assert not re.search(r"https?:|//[a-z]|@import|@font-face", page)
    parsed = Tables(page)
    for tag, name, value in parsed.attributes:
        assert name not in ("src", "srcset", "action", "data", "poster")
        if name == "href":
            assert value.startswith("#") or (tag, value) == ("link", "data:,")
        assert not name.startswith("on")
    policies = [value for _, name, value in parsed.attributes if value and "default-src" in value]
    assert policies[0].startswith("default-src 'none';")
    assert re.findall(r"url\((.)", page) == ["#"] * page.count("url(")


def test_links_and_identifiers_fit(page):
    attributes = Tables(page).attributes
    identifiers = [value for _, name, value in attributes if name == "id"]
    assert len(identifiers) == len(set(identifiers))
    targets = {value[1:] for _, name, value in attributes if name == "href" and value[0] == "#"}
    assert targets <= set(identifiers)


@given(any_table())
def test_names_are_text(table):
    markup = html_page([table], {}).split("<script>")[0].removeprefix("<!doctype html>")
    assert set(re.findall(r"</?([^\s>/]*)", markup)) <= KNOWN


def test_a_hostile_name_is_shown_as_it_is(page):
    assert page.count("<script") == 1
    assert page.count("alert(") > 2
    names = [normal(row[0][0]) for row in Tables(page).tables[0]]
    assert HOSTILE in names


def test_runs_are_told_and_a_missing_one_reads_missing(page):
    runs = [[text for text, _ in row] for row in Tables(page).tables[2]]
    assert runs[0] == [
        *("method", "seed", "geoloc", "h:min:s", "peak memory", "hardware", "command", "configs")
    ]
    facts = ["0.1.0+gabc", "1:02:03", "2048 MB", "one <GPU>", RUN["command"], "configs/first"]
    assert runs[1:3] == [["First", "3", *facts], ["First", "4", *facts]]
    assert ["Second", "0", *["missing"] * 5, "configs/second"] in runs
    assert ["Nothing", *["missing"] * 6, "configs/nothing"] in runs


def test_cells_carry_what_they_are_sorted_by(page):
    table = page.split('<table class="results">')[1].split("</table>")[0]
    cells = [cell.split("</td>")[0] for cell in table.split("<td")[1:]]
    values = [re.match(r' data-value="([^"]*)"', cell) for cell in cells]
    groups = ["multi-scale", "single-scale", "<b>other</b>"]
    rows = sorted(EXAMPLE.rows, key=lambda row: groups.index(row.group))
    assert [float(value[1]) if value else None for value in values] == [
        row.ours[column].mean if column in row.ours else None
        for row in rows
        for column in EXAMPLE.columns
    ]
    assert all("missing" in cell for cell, value in zip(cells, values, strict=True) if not value)
    assert table.count('aria-sort="none"') == len(EXAMPLE.columns) + 1


def luminance(colour):
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(
        weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
    )


def test_text_stands_out_in_both_themes(page):
    themes = [dict(re.findall(r"--(\w+): (#\w{6});", part)) for part in page.split(":root {")[1:]]
    assert len(themes) == 2
    for theme in themes:
        for text in ("ink", "muted", "accent"):
            for ground in ("ground", "raised"):
                dark, light = sorted(luminance(theme[name]) for name in (text, ground))
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)  # WCAG 2, AA
