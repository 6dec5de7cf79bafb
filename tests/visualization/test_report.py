import json
import shutil

import pytest

from geoloc.errors import DatasetError, DatasetNotFoundError
from geoloc.visualization.report import SECTIONS, write_report
from geoloc.visualization.run_folder import data_root, read_run
from tests.visualization.browser import BROWSER, SIZES, Page, assert_asks_for_nothing, visit

FILES = ("metrics.json", "index.csv", "descriptors.npy", "per_query.npz", "made.py")


@pytest.fixture(scope="module")
def page(run, tmp_path_factory):
    path = write_report(run, tmp_path_factory.mktemp("report") / "new/report.html")
    return path.read_text(encoding="utf-8")


def test_the_page_embeds_everything(page) -> None:
    assert_asks_for_nothing(page)
    identifiers = [value for _, name, value in Page(page).attributes if name == "id"]
    assert len(identifiers) == len(set(identifiers))
    assert page.count("<svg") == 8  # losses, scores; per task errors and places; two embeddings
    assert page.count("<article") == 24
    assert "</pre><b>" not in page  # text of the config


def test_the_metrics_are_those_of_the_run(page, run) -> None:
    content = json.loads((run / "metrics.json").read_text())
    texts = Page(page).texts
    for task in ("drone->satellite", "satellite->drone"):
        for name, value in content[task].items():
            shown = f"{value:.2f}" if isinstance(value, float) else str(value)
            if name in content["intervals"][task]:
                low, high = content["intervals"][task][name]
                shown += f" [{low:.2f}, {high:.2f}]"
            assert name in texts
            assert shown in texts
    assert "48 places" not in page
    assert "16 places; images: 2 drone, 1 satellite" in texts


def test_curves_are_named(page) -> None:
    texts = Page(page).texts
    assert {"loss", "loss_dycl", "drone->satellite/H-AP", "iteration", "epoch"} <= set(texts)
    assert "lr" not in texts


@pytest.mark.parametrize("missing", FILES)
def test_a_missing_file_is_told_and_the_rest_shown(missing, run, tmp_path) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    (folder / missing).unlink()
    page = write_report(folder).read_text(encoding="utf-8")
    assert_asks_for_nothing(page)
    assert page.count("<h2>") == len(SECTIONS)
    if missing == "made.py":  # the config told where the images are
        assert "has no config" in page
        assert "--root DIR" in page
    elif missing != "per_query.npz":
        assert f"has no {missing}" in page
    else:  # ranks take the place of values
        assert page.count("<article") == 24


def test_an_untrained_and_an_unfinished_run(run, tmp_path) -> None:
    folder = shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("2026*"))
    assert "has no vis_data/scalars.json" in write_report(folder).read_text(encoding="utf-8")
    unfinished = tmp_path / "unfinished"
    shutil.copytree(run / "20260101_000000", unfinished / "20260101_000000")
    page = write_report(unfinished).read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert "has no metrics.json" in page


def test_files_of_different_evaluations_are_told(run, tmp_path) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    lines = (folder / "index.csv").read_text().splitlines(keepends=True)
    (folder / "index.csv").write_text("".join(lines[:-3]))
    page = write_report(folder).read_text(encoding="utf-8")
    assert "they are of different evaluations" in page


def test_no_run_folder(tmp_path) -> None:
    with pytest.raises(DatasetNotFoundError, match="there is no run folder"):
        write_report(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="is no run folder"):
        write_report(tmp_path)


def test_the_folder_of_the_images_is_read_from_the_config(run) -> None:
    assert read_run(run).index.root == run.parent / "images"
    assert data_root("test_dataloader = dict(a=1)\n") is None
    assert data_root("not Python (") is None


@pytest.mark.parametrize("screen", SIZES)
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_nothing_is_said_on_the_console_and_a_phone_has_room(screen, page, tmp_path) -> None:
    script = """
    seen.wide = [...document.querySelectorAll("section > :not(.scroll)")]
      .filter((e) => e.getBoundingClientRect().right > innerWidth)
      .map((e) => e.outerHTML.slice(0, 80));
    document.querySelector(".failures .picture").click();
    seen.open = document.querySelector("dialog").open;
    """
    seen, said = visit(page, script, tmp_path, screen)
    assert ":CONSOLE" not in said
    assert seen == {"wide": [], "open": True}
