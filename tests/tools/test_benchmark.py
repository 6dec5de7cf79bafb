import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT

ARGUMENTS = ("fig6", "--methods", "triplet", "--out", "out", "--results", "kept")


def finished(folder: Path) -> dict[str, int]:
    """Return when every result was written, by its folder."""
    records = (folder / "kept/campusworld-mini/results").glob("*/seed*/run.json")
    return {str(path.parent): path.stat().st_mtime_ns for path in records}


def test_a_killed_benchmark_goes_on_and_a_finished_one_does_nothing(run_tool, tmp_path) -> None:
    command = [sys.executable, str(ROOT / "tools/benchmark.py"), *ARGUMENTS]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    first = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
    try:
        while not (before := finished(tmp_path)):
            assert first.poll() is None
            time.sleep(0.1)
    finally:
        first.send_signal(signal.SIGKILL)  # while the second run starts
        first.wait()
    assert len(before) == 1

    second = run_tool("benchmark.py", *ARGUMENTS)
    assert second.returncode == 0, second.stdout + second.stderr
    after = finished(tmp_path)
    assert len(after) == 3
    assert before.items() <= after.items()

    start = time.monotonic()
    third = run_tool("benchmark.py", *ARGUMENTS)
    assert third.returncode == 0, third.stdout + third.stderr
    assert "running" not in third.stdout
    assert finished(tmp_path) == after
    assert time.monotonic() - start < 60

    report = tmp_path / "kept/campusworld-mini/fig6"
    names = {path.name for path in report.iterdir()}
    assert {"index.html", "table.md", "table.tex", "table.csv", "mAP.svg", "mAP.png"} <= names
    markdown = (report / "table.md").read_text()
    metrics = Path(next(iter(before))) / "metrics.json"
    for task in ("satellite->drone", "drone->satellite"):
        value = json.loads(metrics.read_text())[task]["mAP/small"]
        assert f"{value:.2f}" in markdown
    curves = json.loads((Path(next(iter(before))) / "distance.json").read_text())["content"]
    assert 0 < curves["drone->satellite"]["mean_ap"][0] < 100
    assert (report / "radius-drone-to-satellite.svg").is_file()
    sum_triplet = next(line for line in markdown.splitlines() if "Sum-Triplet" in line)
    assert "missing" in sum_triplet


def test_an_unknown_method_is_named(run_tool) -> None:
    done = run_tool("benchmark.py", "fig6", "--methods", "tripled")
    assert done.returncode == 1
    assert done.stderr == "error: --methods tripled: the suite has sum_triplet, triplet\n"


@pytest.mark.parametrize("option", ["--jobs", "--seeds"])
def test_a_number_below_1_is_refused(run_tool, option) -> None:
    done = run_tool("benchmark.py", "fig6", option, "0")
    assert done.returncode == 2
    assert done.stderr.endswith(f"error: argument {option}: '0' is no number from 1 up\n")
