import re
from xml.etree import ElementTree

import numpy as np
import pytest
from example_tables import D_S, EXAMPLE, HOSTILE
from PIL import Image

from geoloc.benchmark.figures import Panel, bars, lines, metric_bars
from geoloc.benchmark.statistics import estimate
from geoloc.benchmark.table import Column, Row
from geoloc.errors import ConfigError
from geoloc.visualization.inline_svg import inline_svg

SVG = "{http://www.w3.org/2000/svg}"
SCALES = ("small", "middle", "large")
MAPS = [f"mAP/{scale}" for scale in SCALES]


def scale_table():
    """Return a table of two tasks; the second method has nothing for the second one."""
    columns = [
        Column(task, f"mAP/{scale}") for task in ("a", "drone->satellite") for scale in SCALES
    ]
    ours = {
        column: estimate([10.0 * place, 10.0 * place + 4]) for place, column in enumerate(columns)
    }
    rows = (
        Row("whole", "g", "p", ours, dict.fromkeys(columns, 33.0), []),
        Row(HOSTILE, "g", "p", {column: ours[column] for column in columns[:3]}, {}, []),
    )
    return EXAMPLE._replace(columns=tuple(columns), rows=rows)


def texts(path):
    return [element.text for element in ElementTree.parse(path).iter(f"{SVG}text")]


def test_scales_are_plotted_per_task_and_what_is_missing_says_so(tmp_path):
    metric_bars(scale_table(), MAPS, "mAP", tmp_path / "scales.v1")
    shown = texts(tmp_path / "scales.v1.svg")
    assert [text for text in shown if text in SCALES] == [*SCALES, *SCALES]
    assert shown.count("missing") == 3
    for text in ("a", "D→S", "whole", HOSTILE, "paper", "mAP in percent"):
        assert text in shown
    with Image.open(tmp_path / "scales.v1.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 5


def test_only_tasks_with_scales_are_plotted(tmp_path):
    table = scale_table()
    metric_bars(table._replace(columns=(*table.columns[:3], D_S)), MAPS, "mAP", tmp_path / "one")
    assert "D→S" not in texts(tmp_path / "one.svg")
    unpublished = table._replace(rows=tuple(row._replace(paper={}) for row in table.rows))
    metric_bars(unpublished, MAPS, "mAP", tmp_path / "unpublished")
    assert "paper" not in texts(tmp_path / "unpublished.svg")
    with pytest.raises(ConfigError, match="none of the columns R@1/small"):
        metric_bars(table, ["R@1/small"], "R@1", tmp_path / "none")


def test_bars_stand_as_high_as_their_numbers(tmp_path):
    def heights(values):
        panel = Panel("title", ["one", "two"], {"bar": [estimate([v]) for v in values]}, {})
        bars([panel], "height", tmp_path / "bars")
        found = []
        for path in ElementTree.parse(tmp_path / "bars.svg").iter(f"{SVG}path"):
            if "fill: #0072b2" in path.get("style", "") and path.get("clip-path"):
                corners = np.array(path.get("d").replace("z", "").split()).reshape(-1, 3)[:, 2]
                found.append(np.ptp(corners.astype(float)))
        return found

    low, high = heights([10.0, 40.0])
    assert high / low == pytest.approx(4, rel=1e-4)
    assert "paper" not in texts(tmp_path / "bars.svg")


def test_error_bars_only_where_there_are_several_seeds(tmp_path):
    def intervals(points):
        """Return the height of every error bar; the legend's comes last."""
        lines("title", "x", "y", {"one": points}, False, tmp_path / "lines")
        root = ElementTree.parse(tmp_path / "lines.svg").getroot()
        groups = [g for g in root.iter(f"{SVG}g") if "LineCollection" in g.get("id", "")]
        drawn = [path.get("d") for g in groups for path in g.iter(f"{SVG}path") if path.get("d")]
        ends = [re.findall(r"[ML] \S+ (\S+)", line) for line in drawn]
        return [abs(float(low) - float(high)) for low, high in ends]

    wide, narrow = (1.0, estimate([10, 30])), (2.0, estimate([10, 20]))
    first, second, _ = intervals([wide, narrow])
    assert first == pytest.approx(2 * second, rel=1e-4)
    assert len(intervals([wide, (2.0, estimate([15]))])) == 2


def test_a_name_with_dollars_is_no_formula(tmp_path):
    lines("$t$", "$x$", "y", {"$x^2$": [(1, estimate([1]))]}, False, tmp_path / "lines")
    assert {"$x^2$", "$x$", "$t$"} <= set(texts(tmp_path / "lines.svg"))


def test_the_same_picture_is_the_same_file(tmp_path):
    for name in ("one", "two"):
        metric_bars(scale_table(), MAPS, "mAP", tmp_path / name)
        lines("t", "x", "y", {"a$b": [(1, estimate([1, 2]))]}, False, tmp_path / f"{name}-lines")
    for suffix in (".svg", ".png", "-lines.svg", "-lines.png"):
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()
    assert b"date" not in (tmp_path / "one.svg").read_bytes()


def test_an_inline_picture_keeps_to_itself(tmp_path):
    metric_bars(scale_table(), MAPS, "mAP", tmp_path / "scales")
    text = inline_svg(tmp_path / "scales.svg", "mine", 'a "label" <b>')
    root = ElementTree.fromstring(text)
    identifiers = {element.get("id") for element in root.iter() if element.get("id")}
    assert all(identifier.startswith("mine-") for identifier in identifiers)
    used = {element.get("href").removeprefix("#") for element in root.iter() if element.get("href")}
    clips = {e.get("clip-path")[5:-1] for e in root.iter() if e.get("clip-path")}
    assert used
    assert clips
    assert used | clips <= identifiers
    assert root.get("aria-label") == 'a "label" <b>'
    assert [element.text for element in root.iter("text")] == texts(tmp_path / "scales.svg")
    for absent in ("http", "<style", "#000000", "#ffffff", "metadata"):
        assert absent not in text


def test_a_logarithmic_axis_has_numbers(tmp_path):
    points = [(x, estimate([x])) for x in (1.0, 30.0, 2000.0)]
    lines("t", "x", "y", {"a": points}, True, tmp_path / "lines")
    assert {"1", "10", "100", "1000"} <= set(texts(tmp_path / "lines.svg"))
    assert not any("$" in text for text in texts(tmp_path / "lines.svg"))


def test_a_legend_of_long_names_stays_inside(tmp_path):
    names = [f"a name of many words and letters, number {number}" for number in range(3)]
    lines("t", "x", "y", {name: [(1, estimate([1]))] for name in names}, False, tmp_path / "lines")
    with Image.open(tmp_path / "lines.png") as image:
        pixels = np.asarray(image.convert("L"))
    assert (pixels[:, -4:] == 255).all()
