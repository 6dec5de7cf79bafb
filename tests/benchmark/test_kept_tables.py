"""The tables in docs are what their results say, in every format."""

from pathlib import Path

import pytest
from table_readers import read_csv, read_latex, read_markdown, read_page

from geoloc.benchmark.collect import collect, read_published, seed_folders
from geoloc.benchmark.curves import curves_of
from geoloc.benchmark.report import write_report
from geoloc.benchmark.suites import SUITES
from tests.conftest import ROOT

BENCHMARKS = ROOT / "docs/benchmarks"
KEPT = sorted(path.parent for path in BENCHMARKS.rglob("table.md"))


def test_tables_of_the_paper_are_kept_with_three_seeds_of_every_method() -> None:
    kept = {path.name for path in KEPT if path.parent.name == "campusworld"}
    assert {"dycl-table2", "dycl-table3"} <= kept
    results = BENCHMARKS / "campusworld/results"
    for run in SUITES["dycl-table2"].runs():
        assert len(seed_folders(results / run, None)) >= 3, run


@pytest.mark.parametrize("folder", KEPT, ids=lambda path: str(path.relative_to(BENCHMARKS)))
def test_a_kept_table_is_generated(folder: Path, tmp_path: Path) -> None:
    suite = SUITES[folder.name]
    results = folder.parent / "results"
    paper = read_published(BENCHMARKS / "paper_results.json", suite.paper_data)
    table = collect(folder.name, suite, results, None, paper)
    write_report(table, curves_of(suite, table, results, None), tmp_path)
    for name in ("table.md", "summary.md", "table.tex", "table.csv"):
        assert (folder / name).read_text() == (tmp_path / name).read_text(), name
    assert {path.name for path in folder.iterdir()} == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("folder", KEPT, ids=lambda path: str(path.relative_to(BENCHMARKS)))
def test_all_formats_say_the_same(folder: Path) -> None:
    markdown, page, latex, table = (
        (folder / name).read_text() for name in ("table.md", "index.html", "table.tex", "table.csv")
    )
    kept, agreement = read_markdown(markdown)
    assert read_page(page) == ([kept], [agreement] if agreement else [])
    ours = {method: [cell[:3] for cell in cells] for method, cells in kept.items()}
    assert ours == {m: [cell[:3] for cell in cells] for m, cells in read_latex(latex).items()}
    lines: dict[str, list[str]] = {}
    for line in read_csv(table):
        mean = f"{float(line['mean']):.2f}" if line["mean"] else "missing"
        lines.setdefault(line["method"], []).append(mean)
    assert lines == {method: [cell[0] for cell in cells] for method, cells in kept.items()}
