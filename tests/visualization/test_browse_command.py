"""The page of failures from a run folder alone."""

import json
import re
import shutil
import webbrowser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from geoloc.command_line import main

TASKS = ("drone->satellite", "satellite->drone")


def articles(page: Path) -> list[tuple[str, str]]:
    """Return task and file of every query of a page."""
    found = re.findall(r'<article data-task="([^"]+)" [^>]*data-file="([^"]+)"', page.read_text())
    return [(task.replace("&gt;", ">"), file) for task, file in found]


def worst(run: Path, task: str, count: int) -> list[str]:
    """Return the files of the queries with the lowest H-AP, from the files of the run."""
    lines = (run / "index.csv").read_text().splitlines()[1:]
    with np.load(run / "per_query.npz") as arrays:
        order = np.argsort(arrays[f"{task}/H-AP"], kind="stable")[:count]
        return [lines[row].split(",")[0] for row in arrays[f"{task}/row"][order]]


def test_the_worst_of_every_task_are_on_the_page(run: Path, tmp_path: Path, capsys) -> None:
    page = tmp_path / "pages/worst.html"
    main(["browse", str(run), "--out", str(page), "--worst", "3", "--depth", "2"])
    assert capsys.readouterr().out == f"Written: {page}\n"
    assert articles(page) == [(task, file) for task in TASKS for file in worst(run, task, 3)]
    text = page.read_text()
    assert text.count("<figure") == 6 * (1 + 2)
    assert text.count('src="data:image/jpeg') == 6 * (1 + 2)  # of the folder that the config names
    assert "with the lowest H-AP" in text
    main(["browse", str(run), "--out", str(page), "--worst", "4", "--task", TASKS[1]])
    assert articles(page) == [(TASKS[1], file) for file in worst(run, TASKS[1], 4)]


def test_the_page_lies_in_the_run_and_is_opened(run: Path, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    (folder / "per_query.npz").unlink()
    opened: list[str] = []
    browser = SimpleNamespace(open=lambda url, *_: opened.append(url) is None)
    webbrowser.register("recorder", None, browser, preferred=True)
    main(["browse", str(folder), "--open"])
    assert opened == [(folder / "failures.html").as_uri()]
    assert capsys.readouterr().out == f"Written: {folder / 'failures.html'}\n"
    assert "whose place is found last" in (folder / "failures.html").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--task", "drone->street"), "was evaluated on drone->satellite, satellite->drone"),
        (("--root", "nowhere"), "there is no file nowhere/.*--root DIR"),
        (("--worst", "0"), "--worst 0 must be at least 1"),
    ],
)
def test_what_cannot_be_shown_is_said(
    run: Path, options: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match=f"error: .*{message}"):
        main(["browse", str(run), "--out", str(tmp_path / "page.html"), *options])
    assert not (tmp_path / "page.html").exists()


def test_a_run_without_descriptors_has_no_queries(run: Path, tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(json.dumps({TASKS[0]: {"H-AP": 1.0}}))
    with pytest.raises(SystemExit, match=r"has no index\.csv, no descriptors\.npy; evaluate"):
        main(["browse", str(tmp_path)])
    with pytest.raises(SystemExit, match="there is no run folder"):
        main(["browse", str(tmp_path / "gone")])
