from xml.etree import ElementTree

import numpy as np
import pytest
from geopy.distance import geodesic
from PIL import Image

from geoloc.errors import ConfigError
from geoloc.visualization.embedding_map import embedding_figure, principal_components
from geoloc.visualization.error_distribution import error_figure, error_histogram, error_shares
from geoloc.visualization.figure_style import write_figure
from geoloc.visualization.panel_image import draw_panels, write_panels
from geoloc.visualization.place_map import place_figure
from geoloc.visualization.projection import Projection, choose_projection
from geoloc.visualization.relevance_colours import (
    FARTHEST,
    NEAREST,
    level_colour,
    metres,
    ring_colours,
    ring_names,
)
from geoloc.visualization.retrieval_panel import panel_html, panel_of_answer
from geoloc.visualization.thumbnail import thumbnail
from tests.visualization.conftest import draw_image


def test_components_are_those_of_a_singular_value_decomposition() -> None:
    rows = np.random.default_rng(0).normal(size=(40, 7)) * np.arange(1, 8)
    left, values, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    points, share = principal_components(rows)
    np.testing.assert_allclose(np.abs(points), np.abs(left * values)[:, :2], atol=1e-8)
    np.testing.assert_allclose(share, (values**2 / (values**2).sum())[:2])
    np.testing.assert_array_equal(points, principal_components(rows.copy()).points)
    with pytest.raises(ConfigError, match=r"\[1, 7\]"):
        principal_components(rows[:1])


def test_errors_are_all_counted() -> None:
    errors = [0.0, 0.4, 1.0, 9.99, 10.0, 150.0, 10_000.0, 250.0]
    counts, edges = error_histogram(errors)
    assert counts.sum() == len(errors)
    assert counts[0] == 3
    assert edges[-1] >= 10_000
    x, share = error_shares(errors)
    for radius in (0.0, 1.0, 150.0, 10_000.0):
        expected = 100 * np.mean(np.array(errors) <= radius)
        assert share[np.searchsorted(x, radius, side="right") - 1] == pytest.approx(expected)
    for wrong in ([], [np.nan], [-1.0]):
        with pytest.raises(ConfigError):
            error_figure(wrong)


def test_figures_are_the_same_file_twice(tmp_path) -> None:
    figures = {
        "errors": lambda: error_figure([0.0, 30.0, 700.0], (200.0, 500.0)),
        "embedding": lambda: embedding_figure(
            np.random.default_rng(1).normal(size=(50, 4)), np.arange(50) % 25, "by campus"
        ),
        "places": lambda: place_figure([[30, 114], [30, 114.001], [31, 114]], [0, np.nan, 900]),
    }
    for name, make in figures.items():
        first = write_figure(make(), tmp_path / f"a/{name}.svg").read_bytes()
        assert first == write_figure(make(), tmp_path / f"b/{name}.svg").read_bytes()
        texts = [each.text for each in ElementTree.fromstring(first).iter() if each.text]
        if name == "embedding":
            assert "8 others" in texts
        if name == "places":
            assert {"within 200 m", "beyond 500 m", "no query"} <= set(texts)


def test_levels_have_colours_and_words() -> None:
    assert [level_colour(level, 3) for level in (3, 0)] == [NEAREST, FARTHEST]
    assert [level_colour(level, 1) for level in (1, 0)] == [NEAREST, FARTHEST]
    assert len(set(ring_colours(3))) == len(ring_names((3, 200, 500))) == 4
    assert ring_names((3, 1500.5))[::2] == ["within 3 m", "beyond 1500 m"]
    assert [metres(x) for x in (0, 3.44, 9.96, 12_345)] == ["0 m", "3.4 m", "10 m", "12.3 km"]


def test_a_panel_of_an_answer_tells_metres(answers, tmp_path) -> None:
    panel = panel_of_answer(answers[2])
    captions = [picture.caption for picture in panel.results]
    distances = [geodesic(answers[2].position, latlon).m for latlon in answers[2].latlon]
    levels = ("within 500 m", "beyond 500 m", "beyond 500 m")
    assert captions == [
        f"{place}: {distance:.0f} m, {level}"
        for place, (distance, level) in enumerate(zip(distances, levels, strict=True), start=1)
    ]
    html = panel_html(panel, 32)
    assert html.count("data:image/jpeg") == 4
    assert all(caption in html for caption in captions)
    sheet = draw_panels([panel, panel_of_answer(answers[5])], size_px=100)
    frames = [sheet.getpixel((12 + place * 124 + 3, 100)) for place in range(4)]
    assert frames[1] == tuple(bytes.fromhex("56b4e9"))
    assert frames[2] == frames[3] == tuple(bytes.fromhex(FARTHEST[1:]))
    with Image.open(write_panels([panel], tmp_path / "new/panel.png", 100)) as image:
        assert image.width == sheet.width


def test_a_photo_is_turned_upright_and_a_broken_one_is_none(tmp_path) -> None:
    turned = Image.new("RGB", (60, 40))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.jpg", exif=exif)
    assert thumbnail(tmp_path / "turned.jpg", 30).size == (20, 30)
    whole = draw_image(tmp_path / "a.jpg", (1, 2, 3)).read_bytes()
    (tmp_path / "broken.jpg").write_bytes(whole[:90])
    assert thumbnail(tmp_path / "broken.jpg") is None
    assert thumbnail(tmp_path / "missing.jpg") is None


def test_projections() -> None:
    local = choose_projection([[10, 179.9], [10, -179.9]])
    assert local.kind == "local"
    assert abs(local.lon) == pytest.approx(180)
    assert choose_projection([[0, 0], [0, 90]]).kind == "world"
    assert choose_projection([[0, 0]], tiles=True).kind == "mercator"
    east, north = Projection("mercator", 0, 0)([[85.0511, 180.0 - 1e-9]])[0]
    assert east == pytest.approx(north, rel=1e-5)  # Web Mercator is a square
    wide, high = Projection("world", 0, 0).stretch(60.0)
    assert (wide, high) == (pytest.approx(2), 1)
