"""Costs are measured once for every network and code."""

import json

from geoloc.benchmark import cost as module
from geoloc.benchmark.cost import cost_file, measure_costs
from geoloc.benchmark.suites import SUITES
from geoloc.engine.complexity import Complexity
from tests.conftest import ROOT


def test_what_is_there_is_not_measured_again(tmp_path, monkeypatch) -> None:
    measured = []

    def complexity(cfg, batch):
        measured.append(cfg.model.neck.type)
        return Complexity(38_902_144, 40_690_000_000, 12.5, 512)

    monkeypatch.setattr(module, "complexity", complexity)
    suite = SUITES["docb-cost"]
    for _ in range(2):
        measure_costs(suite, ROOT / "configs", tmp_path, ["msfa", "safa"])
        assert measured == ["SpatialEmbedding", "MSFA"]
    file = cost_file(tmp_path, "msfa")
    assert json.loads(file.read_text())["content"] == {
        "parameters (M)": 38.902144,
        "GMACs": 40.69,
        "ms per batch": 12.5,
        "descriptor length": 512,
    }
    content = json.loads(file.read_text())
    content["key"]["code"] = "of another version"
    file.write_text(json.dumps(content))
    measure_costs(suite, ROOT / "configs", tmp_path, ["msfa"])
    assert measured[2:] == ["MSFA"]


def test_other_suites_cost_nothing(tmp_path) -> None:
    measure_costs(SUITES["docb-table1"], ROOT / "configs", tmp_path)
    assert not list(tmp_path.iterdir())
