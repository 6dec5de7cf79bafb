import base64
import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from geopy.distance import geodesic
from PIL import Image

from geoloc.errors import ConfigError
from geoloc.localization import Answer, Answers
from geoloc.visualization.map_page import Tiles, write_map
from tests.visualization.browser import BROWSER, SIZES, Page, assert_asks_for_nothing, visit
from tests.visualization.conftest import HOSTILE, draw_image


def read(path: Path) -> tuple[str, dict]:
    page = path.read_text(encoding="utf-8")
    return page, Page(page).content()


def metres(text: str) -> float:
    number, unit = text.replace(",", "").split()
    return float(number) * {"m": 1, "km": 1000}[unit]


def test_the_page_embeds_everything(answers, tmp_path) -> None:
    page, content = read(write_map(answers, tmp_path / "new/map.html", thumbnail_px=32))
    assert_asks_for_nothing(page)
    assert len(content["pictures"]) == 9  # of six photos and three places, each once
    for uri in content["pictures"]:
        data = base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))
        with Image.open(io.BytesIO(data)) as image:
            assert image.size == (32, 24)


def test_the_numbers_are_those_of_the_answers(answers, tmp_path) -> None:
    _, content = read(write_map(answers, tmp_path / "map.html"))
    photos = {photo["name"]: photo for photo in content["photos"]}
    assert len(photos) == 6
    for answer in answers:
        photo = photos[answer.photo.name]
        if answer.position is None:
            assert photo["error"] is photo["at"] is photo["ring"] is None
            continue
        error = geodesic(answer.position, answer.estimate).m
        assert photo["error"] == pytest.approx(error, abs=0.01)
        assert metres(photo["errorText"]) == pytest.approx(error, abs=0.5)
        assert photo["ring"] == (error > 200) + (error > 500)
        # on the map it is as far as on the ground
        assert math.dist(photo["at"], photo["estimate"]) == pytest.approx(error, rel=0.005)
        for shown, latlon in zip(photo["answers"], answer.latlon, strict=True):
            distance = geodesic(answer.position, latlon).m
            assert metres(shown["distanceText"]) == pytest.approx(distance, abs=0.5)
            assert shown["ring"] == (distance > 200) + (distance > 500)


def test_the_summary_counts(answers, tmp_path) -> None:
    page = Page(write_map(answers, tmp_path / "map.html").read_text(encoding="utf-8"))
    errors = [geodesic(a.position, a.estimate).m for a in answers if a.position]
    within = [sum(error <= radius for error in errors) for radius in (200, 500)]
    expected = (
        f"6 photos. Median error of the 5 with a true position: {np.median(errors):.0f} m; "
        f"{within[0]} within 200 m; {within[1]} within 500 m."
    )
    assert expected in page.texts


def test_the_worst_comes_first_and_the_unknown_last(answers, tmp_path) -> None:
    _, content = read(write_map(answers, tmp_path / "map.html"))
    errors = [photo["error"] for photo in content["photos"]]
    assert errors[-1] is None
    assert errors[:-1] == sorted(errors[:-1], reverse=True)


def test_hostile_names_stay_text(answers, tmp_path) -> None:
    hostile = HOSTILE.replace("/", "")
    photo = draw_image(tmp_path / "photos" / f"{hostile}.jpg", (9, 9, 9))
    changed = Answers([*answers, replace(answers[0], photo=photo)], answers.unread)
    page, content = read(write_map(changed, tmp_path / "map.html", title=HOSTILE))
    assert f"{hostile}.jpg" in {each["name"] for each in content["photos"]}
    assert page.count("<script") == 2
    assert HOSTILE in "".join(Page(page).texts)
    assert_asks_for_nothing(page)


def test_missing_and_surplus_pictures_are_counted(answers, tmp_path) -> None:
    answers[2].photo.unlink()
    text = write_map(answers, tmp_path / "map.html").read_text(encoding="utf-8")
    assert "1 image files are missing or unreadable" in text
    text = write_map(answers, tmp_path / "map.html", budget_mb=0).read_text(encoding="utf-8")
    assert "9 pictures had no room" in text


def at(latlon, estimate, photo="a.jpg") -> Answer:
    found = np.array([estimate])
    return Answer(Path(photo), np.zeros(1, np.int64), found, np.ones(1, np.float32),
                  position=latlon, estimate=estimate)  # fmt: skip


@pytest.mark.parametrize(
    ("latlon", "estimate"),
    [
        ((10.0, 179.999), (10.0, -179.998)),
        ((89.999, 0.0), (89.999, 180.0)),
        ((-90.0, 0.0), (-89.99, 77.0)),
    ],
)
def test_the_date_line_and_the_poles_are_no_edge(latlon, estimate, tmp_path) -> None:
    _, content = read(write_map([at(latlon, estimate)], tmp_path / "map.html"))
    [photo] = content["photos"]
    error = geodesic(latlon, estimate).m
    assert photo["error"] == pytest.approx(error, abs=0.01)
    assert math.dist(photo["at"], photo["estimate"]) == pytest.approx(error, rel=0.01)


def test_a_world_map_has_a_graticule_and_takes_the_short_way(tmp_path) -> None:
    over = at((0.0, 179.0), (0.0, -179.0))
    far = at((40.0, -100.0), (-90.0, -100.0), "b.jpg")
    _, content = read(
        write_map([over, far, at((50.0, 10.0), (50.0, 10.0), "c.jpg")], tmp_path / "m")
    )
    assert content["kind"] == "world"
    assert len(content["graticule"]) > 10
    [photo] = [each for each in content["photos"] if each["name"] == "a.jpg"]
    assert math.dist(photo["at"], photo["estimate"]) == pytest.approx(2 * 111_195, rel=0.01)
    assert all(math.isfinite(part) for each in content["photos"] for part in each["stretch"])


def test_tiles_are_asked_for_only_where_the_author_says_so(answers, tmp_path) -> None:
    tiles = Tiles("https://tile.example.org/{z}/{x}/{y}.png", "Example & sons")
    page, content = read(write_map(answers, tmp_path / "map.html", tiles=tiles))
    assert 'img-src data: https://tile.example.org"' in page
    assert content["kind"] == "mercator"
    assert "Tiles: Example & sons" in Page(page).texts


def test_no_answers_and_no_estimates(tmp_path) -> None:
    page = write_map(Answers([]), tmp_path / "map.html").read_text(encoding="utf-8")
    assert "No photo was localized." in page
    assert_asks_for_nothing(page)
    none = Answer(Path("a.jpg"), np.zeros(0, np.int64), np.zeros((0, 2)), np.zeros(0, np.float32))
    _, content = read(write_map([none], tmp_path / "map.html"))
    assert content["photos"][0]["at"] is content["photos"][0]["estimate"] is None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"thresholds_m": (500.0, 200.0)}, "thresholds_m"),
        ({"depth": 0}, "depth=0"),
        ({"tiles": Tiles("file:///x", "me")}, "tiles.url='file:///x'"),
    ],
)
def test_mistakes_are_named(arguments, named, tmp_path) -> None:
    with pytest.raises(ConfigError, match=named):
        write_map([], tmp_path / "map.html", **arguments)


DRIVER = """
const texts = (selector) => [...document.querySelectorAll(selector)].map((e) => e.textContent);
const visible = () => texts("#list li:not([hidden]) .name");
const type = (id, value) => {
  const field = document.getElementById(id);
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
};
const key = (name) => byId("map").dispatchEvent(new KeyboardEvent("keydown", { key: name }));
seen.names = visible();
seen.first = document.querySelector("#details h2").textContent;
seen.scale = byId("scale").textContent;
seen.scalePixels = parseFloat(byId("scale").style.width) / view.scale;
type("most", "300"); type("least", "120");
seen.filtered = visible();
seen.count = byId("count").textContent;
type("most", ""); type("least", "");
document.querySelector('#rings input[value="2"]').click();
seen.withoutFar = visible();
document.querySelector('#rings input[value="2"]').click();
const [x, y] = view.toScreen(content.photos[2].at);
const box = byId("map").getBoundingClientRect();
for (const type of ["pointerdown", "pointerup"]) {
  const event = { pointerId: 1, clientX: box.left + 1 + x, clientY: box.top + 1 + y };
  byId("map").setPointerCapture = () => {};
  byId("map").dispatchEvent(new PointerEvent(type, event));
}
seen.pressed = document.querySelector("#details h2").textContent;
seen.current = texts("#list [aria-current] .name");
seen.rings = document.querySelectorAll("#map .ring").length;
seen.circles = document.querySelectorAll("#map .uncertainty").length;
seen.numbers = texts("#map .number text");
await Promise.all([...document.querySelectorAll("#details img")].map((image) => image.decode()));
seen.pictures = [...document.querySelectorAll("#details img")].map((image) => image.naturalWidth);
document.querySelector("#details .result button").click();
seen.enlarged = document.querySelector("dialog").open;
document.querySelector("dialog").click();
seen.closed = !document.querySelector("dialog").open;
key("n");
seen.next = document.querySelector("#details h2").textContent;
const before = view.scale;
key("+");
seen.zoomed = view.scale > before;
const east = view.east;
key("ArrowRight");
seen.moved = view.east > east;
seen.wide = document.documentElement.scrollWidth <= innerWidth;
"""


@pytest.mark.parametrize("screen", SIZES)
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_a_reader_filters_selects_and_moves(screen, answers, tmp_path) -> None:
    path = write_map(answers, tmp_path / "map.html")
    page, content = read(path)
    seen, said = visit(page, DRIVER, tmp_path / "browser", screen)
    assert ":CONSOLE" not in said
    names = [photo["name"] for photo in content["photos"]]
    errors = {photo["name"]: photo["error"] for photo in content["photos"]}
    assert seen["names"] == names
    assert seen["first"] == names[0]
    assert metres(seen["scale"]) == pytest.approx(seen["scalePixels"], rel=1e-3)
    assert seen["filtered"] == [name for name in names if 120 <= (errors[name] or 0) <= 300] != []
    assert seen["count"] == f"{len(seen['filtered'])} of 6 shown"
    assert seen["withoutFar"] == [name for name in names if (errors[name] or 0) <= 500]
    assert seen["pressed"] == names[2]
    assert seen["current"] == [names[2]]
    assert (seen["rings"], seen["circles"]) == (2, 1)
    assert sorted(seen["numbers"]) == ["1", "2", "3"]
    assert seen["pictures"] == [64] * 4
    assert seen["enlarged"]
    assert seen["closed"]
    assert seen["next"] == names[3]
    assert seen["zoomed"]
    assert seen["moved"]
    assert seen["wide"]
