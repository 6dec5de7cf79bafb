import shutil
from pathlib import Path

import pytest

import geoloc
from geoloc.benchmark.code_hash import code_hash


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """Return a copy of the package's folder, which is hashed instead."""
    source = Path(geoloc.__file__).parent
    copy = tmp_path / "geoloc"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__", "datasets"))
    monkeypatch.setattr(geoloc, "__file__", str(copy / "__init__.py"))
    return copy


def hash_now() -> str:
    code_hash.cache_clear()
    return code_hash()


def test_code_that_takes_part_in_a_run_changes_the_hash(package) -> None:
    before = hash_now()
    assert hash_now() == before
    path = package / "evaluation/ranking.py"
    path.write_text(path.read_text() + "\n")
    changed = hash_now()
    assert changed != before
    path.rename(path.with_name("ranking_2.py"))
    assert hash_now() not in (before, changed)


def test_code_that_lays_results_out_does_not(package) -> None:
    before = hash_now()
    (package / "benchmark/page.py").write_text("")
    (package / "benchmark/new.py").write_text("")
    (package / "analysis/queries.py").write_text("")
    (package / "py.typed").write_text("x")
    assert hash_now() == before


@pytest.fixture(autouse=True)
def _forget():
    yield
    code_hash.cache_clear()
