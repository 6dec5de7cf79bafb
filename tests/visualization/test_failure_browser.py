from dataclasses import replace

import numpy as np
import pytest
from geopy.distance import geodesic

from geoloc.visualization.failure_browser import failure_page
from geoloc.visualization.run_folder import read_run
from tests.visualization.browser import BROWSER, SIZES, Page, assert_asks_for_nothing, visit
from tests.visualization.conftest import HOSTILE

TASKS = ("drone->satellite", "satellite->drone")


@pytest.fixture(scope="module")
def folder(run):
    return read_run(run)


@pytest.fixture(scope="module")
def failures(folder):
    return {task: folder.worst_first(task)[:5] for task in TASKS}


def test_the_worst_queries_are_shown_with_their_metres(folder, failures) -> None:
    page = failure_page(failures, folder.index, folder.highest)
    assert_asks_for_nothing(page)
    articles = page.split("<article")[1:]
    shown = [query for task in TASKS for query in failures[task]]
    assert len(articles) == len(shown) == 10
    latlon = np.stack([folder.index.lat, folder.index.lon], axis=1)
    for query, article in zip(shown, articles, strict=True):
        with np.load(folder.folder / "per_query.npz") as arrays:
            task = next(task for task in TASKS if query in failures[task])
            rows = arrays[f"{task}/row"].tolist()
            value = arrays[f"{task}/H-AP"][rows.index(query.row)]
            assert value <= np.sort(arrays[f"{task}/H-AP"])[4]  # one of the five lowest
        assert f"H-AP {100 * value:.1f}," in article
        error = geodesic(latlon[query.row], latlon[query.first[0].row]).m
        assert f'data-error="{error:.2f}"' in article
        assert article.count("<figure") == 6
        for place, found in enumerate(query.first, start=1):
            distance = geodesic(latlon[query.row], latlon[found.row]).m
            assert f"{place}: level {found.level}, {distance:.0f} m" in article


def test_names_are_text_and_missing_files_are_named(folder, failures) -> None:
    path = folder.index.path.astype(object)
    path[failures[TASKS[0]][0].row] = HOSTILE
    index = replace(folder.index, path=path.astype(str))
    page = failure_page(failures, index, folder.highest)
    assert page.count("<script") == 1
    assert f"{HOSTILE} cannot be read" in "".join(Page(page).texts)


def test_no_queries(folder) -> None:
    page = failure_page({}, folder.index, folder.highest)
    assert "There are no queries to show." in Page(page).texts


DRIVER = """
const shown = () => [...document.querySelectorAll("article:not([hidden])")].map((a) => a.dataset);
const type = (name, value) => {
  const field = document.querySelector(`.filters .${name}`);
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
};
seen.all = shown().length;
seen.fits = document.documentElement.scrollWidth <= innerWidth;
type("task", "satellite->drone"); seen.tasks = shown().map((d) => d.task); type("task", "");
type("least", "150"); seen.errors = shown().map((d) => Number(d.error)); type("least", "");
type("place", shown()[0].place); seen.places = shown().map((d) => d.place); type("place", "");
type("file", "DRONE/"); seen.files = shown().map((d) => d.file); type("file", "");
seen.count = document.querySelector("output").textContent;
document.querySelector("button.picture").click();
const dialog = document.querySelector("dialog");
seen.open = dialog.open;
await dialog.querySelector("img").decode();
seen.text = dialog.querySelector("p").textContent;
dialog.querySelector("button").click();
seen.closed = !dialog.open;
"""


@pytest.mark.parametrize("screen", SIZES)
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_a_reader_filters_and_enlarges(screen, folder, failures, tmp_path) -> None:
    page = failure_page(failures, folder.index, folder.highest)
    seen, said = visit(page, DRIVER, tmp_path, screen)
    assert ":CONSOLE" not in said
    assert seen["all"] == 10
    assert seen["fits"]
    assert seen["tasks"] == ["satellite->drone"] * 5
    errors = [query.first[0].distance_m for task in TASKS for query in failures[task]]
    assert seen["errors"] == pytest.approx([e for e in errors if e >= 150], abs=0.01)
    assert set(seen["places"]) == {str(folder.index.place[failures[TASKS[0]][0].row])}
    assert len(seen["files"]) == 5
    assert all(file.startswith("drone/") for file in seen["files"])
    assert seen["count"] == "10 of 10 shown"
    assert seen["open"]
    assert seen["text"].startswith("drone/")
    assert seen["closed"]
