"""The whole command, in an environment with packages that are broken."""

import json
from pathlib import Path

import pytest

from geoloc.command_line import main
from geoloc.doctor.devices import imports_and_accelerators
from tests.doctor.test_packages import write_distribution

# torch as it looks on a machine with one GPU, and packages that fail as real ones do.
TORCH = """
from types import SimpleNamespace as Space
__version__ = "2.4.1+cu121"
version = Space(cuda="12.1", hip=None)
properties = Space(name="Made GPU", total_memory=24_000_000_000)
cuda = Space(is_available=lambda: True, device_count=lambda: 2,
             get_device_properties=lambda number: properties)
backends = Space(mps=Space(is_available=lambda: False))
get_num_threads = lambda: 3
print("hello from torch")
"""
FAKES = {
    "torch": TORCH,
    "torchvision": "raise RuntimeError('operator torchvision::nms\\n does not exist')",
    "mmcv": "",
    "mmpretrain/models": "import no_such_package",
    "faiss": "",
    "numba": "import os, signal\nos.kill(os.getpid(), signal.SIGILL)",
}


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the fakes in front of the real packages."""
    for name, text in FAKES.items():
        file = tmp_path / f"packages/{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "packages/mmpretrain/__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_package_that_fails_does_not_hide_the_others(broken: Path) -> None:
    found = {each.name: each for each in imports_and_accelerators()}
    assert found["torch"].text.startswith("imported in ")
    assert found["threads"].text == "3 of torch (OMP_NUM_THREADS=3)"
    assert found["cuda:1"].text == "Made GPU, 24.0 GB"
    assert "cuda:2" not in found
    assert found["mps"].status == "absent"
    assert found["torchvision"] == (
        "torchvision",
        "RuntimeError: operator torchvision::nms does not exist: "
        "pip install --upgrade --force-reinstall torchvision",
        "broken",
    )
    assert "No module named 'no_such_package'" in found["mmpretrain.models"].text
    assert found["mmpretrain.models"].text.endswith("--force-reinstall mmpretrain")
    assert found["mmcv"].status == found["faiss"].status == "ok"
    assert found["numba"].status == "broken"
    assert found["numba"].text.startswith("ended Python (status -4) while it was imported: ")


def test_what_is_broken_gives_status_1_and_a_line_with_the_fix(
    broken: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_distribution(broken / "packages", "faiss-gpu", "1.7.2")
    monkeypatch.syspath_prepend(broken / "packages")
    with pytest.raises(SystemExit) as stop:
        main(["doctor"])
    assert stop.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    faiss = next(line for line in lines if "faiss-gpu" in line)
    assert faiss.startswith("  BROKEN  faiss: faiss-cpu ")
    assert "pip uninstall -y faiss-cpu faiss-gpu" in faiss
    names = lines[-1].partition(" broken: ")[2].split(", ")
    assert {"faiss", "torchvision", "mmpretrain.models", "numba"} <= set(names)
    with pytest.raises(SystemExit) as stop:
        main(["doctor", "--json"])
    assert stop.value.code == 1
    report = json.loads(capsys.readouterr().out)
    assert report["broken"] == len([line for line in lines if line.startswith("  BROKEN")])
    assert len(lines) == sum(1 + len(report[name]) for name in report if name != "broken") + 1
    assert report["machine"][0]["name"] == "cores"


def test_this_environment_is_not_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "nothing is broken"
    assert any(line.startswith("  ok      mmpretrain.models: imported in") for line in lines)
    assert any(line.startswith("  ok      threads: ") for line in lines)
    assert "  -       data/CVUSA: missing (see docs/data.md)" in lines
