import shutil
import sys
from pathlib import Path

import pytest

import geoloc
from geoloc.benchmark.code_hash import code_hash, modules_of
from geoloc.engine.config import load_config
from geoloc.registry import LOSSES
from tests.conftest import ROOT

DYCL = ROOT / "configs/dycl/dycl_r18_campusworld.py"
DOCB = ROOT / "configs/docb/docb_r18_campusworld.py"


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """Return a copy of the package's folder, which is hashed instead."""
    source = Path(geoloc.__file__).parent
    copy = tmp_path / "geoloc"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(geoloc, "__file__", str(copy / "__init__.py"))
    return copy


def touch(path: Path) -> None:
    path.write_text(path.read_text() + "\n")


def test_modules_are_those_that_the_config_reaches() -> None:
    dycl, docb = (set(modules_of(load_config(file))) for file in (DYCL, DOCB))
    for module in (
        "geoloc.engine.run",  # what runs
        "geoloc.models.losses.dycl_loss",  # named in the config
        "geoloc.models.losses.pair_loss",  # imported by it
        "geoloc.models.preprocessor",  # named by the retriever, as a string
        "geoloc.engine.runner",  # named in the default runtime
        "geoloc.datasets.samplers.unique_place",
        "geoloc.evaluation.functional",
        "geoloc.geo.geodesy",  # behind the package that passes it on
        "geoloc.campusworld.spec",  # the version of the renderer
    ):
        assert module in dycl, module
    assert "geoloc.models.miners.docb" in docb - dycl
    assert "geoloc.models.losses.hap_loss" not in dycl
    assert not any(name.startswith(("geoloc.benchmark", "geoloc.analysis")) for name in dycl)
    assert "geoloc.campusworld.drone" not in dycl
    assert "geoloc.datasets" not in dycl  # only imports


def test_every_module_that_a_run_executes_counts(monkeypatch, da_campus, tmp_path) -> None:
    """Trace a run, and see that no module executed a function that is not among them."""
    from geoloc.engine.run import prepare, train
    from tests.conftest import write_small_config

    config = write_small_config(tmp_path, da_campus, epochs=1)
    counted = {str(path) for path in modules_of(load_config(config)).values()}
    root = str(Path(geoloc.__file__).parent)
    executed: set[str] = set()

    def trace(frame, event, argument):
        executed.add(frame.f_code.co_filename)

    cfg = prepare(load_config(config), str(tmp_path / "run"), seed=0)
    sys.setprofile(trace)
    try:
        train(cfg)
    finally:
        sys.setprofile(None)
    ours = {name for name in executed if name.startswith(root)}
    assert len(ours) > 30
    assert not {name for name in ours - counted if not name.endswith("__init__.py")}


@pytest.mark.parametrize(
    "module",
    ["evaluation/ranking.py", "models/losses/dycl_loss.py", "engine/run.py", "campusworld/spec.py"],
)
def test_code_that_takes_part_changes_the_hash(package, module) -> None:
    cfg = load_config(DYCL)
    before = code_hash(cfg)
    assert code_hash(cfg) == before
    touch(package / module)
    assert code_hash(cfg) != before


def test_code_that_does_not_take_part_changes_nothing(package) -> None:
    cfg = load_config(DYCL)
    before = code_hash(cfg)
    for module in (
        *("benchmark/page.py", "analysis/queries.py", "models/losses/hap_loss.py"),
        *("models/miners/docb.py", "campusworld/drone.py", "models/losses/__init__.py"),
    ):
        touch(package / module)
    (package / "models/losses/new_loss.py").write_text("import geoloc.models\n")
    assert code_hash(cfg) == before


def test_a_plugin_counts(tmp_path, monkeypatch) -> None:
    plugin = tmp_path / "plugin_of_code_hash.py"
    plugin.write_text(
        "from geoloc.models.losses.dycl_loss import DyCLLoss\n"
        "from geoloc.registry import LOSSES\n\n\n"
        "@LOSSES.register_module()\nclass LossOfCodeHash(DyCLLoss):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    try:
        __import__("plugin_of_code_hash")
        cfg = load_config(DYCL, {"model.losses.dycl.type": "LossOfCodeHash"})
        assert {"plugin_of_code_hash", "geoloc.models.losses.dycl_loss"} <= modules_of(cfg).keys()
        before = code_hash(cfg)
        touch(plugin)
        assert code_hash(cfg) != before
    finally:
        LOSSES.module_dict.pop("LossOfCodeHash", None)
        sys.modules.pop("plugin_of_code_hash", None)
