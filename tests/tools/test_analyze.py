import base64
import csv
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from geoloc.evaluation.hierarchical_retrieval import HierarchicalRetrieval
from geoloc.evaluation.results import save_run
from geoloc.geo.relevance import DA_CAMPUS_THRESHOLDS_M as THRESHOLDS_M
from tests.analysis.conftest import descriptors, places  # noqa: F401  fixtures


@pytest.fixture
def run(places, descriptors, tmp_path):  # noqa: F811
    for row in range(len(places)):
        places.file(row).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (300, 200), (5 * row, 0, 0)).save(places.file(row))
    metric = HierarchicalRetrieval(rerank=[{"type": "KReciprocal", "k1": 5}])
    results = metric.measure(descriptors, places, THRESHOLDS_M)
    protocol = {"thresholds_m": list(THRESHOLDS_M)}
    save_run(tmp_path / "run", results, descriptors.numpy(), places, protocol)
    return tmp_path / "run"


def test_a_run_is_taken_apart(run_tool, run, tmp_path) -> None:
    done = run_tool("analyze.py", run, "--root", tmp_path, "--worst", "4", "--depth", "3")
    assert done.returncode == 0, done.stderr
    folder = run / "analysis/drone_to_satellite"
    with (folder / "queries.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 30
    assert {"H-AP", "H-AP [KReciprocal]", "error_m", "result_3"} <= rows[0].keys()
    with np.load(run / "per_query.npz") as content:
        for name in ("H-AP", "H-AP [KReciprocal]"):
            task = "drone->satellite" + name.removeprefix("H-AP")
            assert [float(row[name]) for row in rows] == content[f"{task}/H-AP"].tolist()
    errors = [float(row["distance_m_1"]) for row in rows]
    assert errors == pytest.approx([float(row["error_m"]) for row in rows], abs=0.06)

    failures = json.loads((folder / "failures.json").read_text())
    lowest = sorted(float(row["H-AP"]) for row in rows)[:4]
    assert [failure["values"]["H-AP"] for failure in failures] == lowest
    assert all(len(failure["first"]) == 3 for failure in failures)

    page = (folder / "failures.html").read_text()
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)" alt="([^"]+)"', page)
    shown = [path for failure in failures for path in _paths(failure)]
    assert [path for _, path in pictures] == shown
    for data, path in pictures:
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            assert image.size == (300, 200)  # as it is, for it is small enough
            with Image.open(tmp_path / path) as original:
                red = original.getpixel((0, 0))[0]
            assert abs(image.getpixel((0, 0))[0] - red) <= 3
    assert not re.search(r'(src|href)="(?!data:)', page)

    curves = json.loads((folder / "distance.json").read_text())
    right = np.mean([float(row["error_m"]) == 0 for row in rows])
    assert curves["within"][0] == pytest.approx(100 * right)


def _paths(failure):
    return [failure["query"], *(found["path"] for found in failure["first"])]


def test_the_other_direction_and_no_pictures(run_tool, run) -> None:
    done = run_tool("analyze.py", run, "--task", "satellite->drone")
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (run / "analysis/satellite_to_drone").iterdir()}
    assert names == {"queries.csv", "failures.json", "distance.json"}


def test_an_unknown_task_is_named(run_tool, run) -> None:
    done = run_tool("analyze.py", run, "--task", "street->drone")
    assert done.returncode == 1
    expected = "was evaluated on drone->satellite, satellite->drone"
    assert done.stderr == f"error: --task street->drone: {run} {expected}\n"
