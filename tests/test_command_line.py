"""The command ``geoloc``: what it imports, how it teaches, and that its examples work."""

import configparser
import importlib
import os
import runpy
import shlex
import shutil
import subprocess
import sys
import webbrowser
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config

from geoloc.command_line import command_parser, main
from geoloc.commands import COMMANDS, CONFIG, RUN
from geoloc.datasets.da_campus import DACampus
from geoloc.engine.config import load_config
from geoloc.evaluation.hierarchical_retrieval import HierarchicalRetrieval
from geoloc.evaluation.results import save_run
from geoloc.registry import MODELS
from tests.conftest import ROOT, write_da_campus
from tests.datasets.test_dataset_from_photos import write_photo
from tests.geo.test_geotiff import SCALE, TIEPOINT, noise, write_geotiff
from tests.localization.conftest import CONFIG as TINY_MODEL

EXPECTED = {
    *("train", "test", "benchmark", "evaluate", "localize"),
    *("export", "gallery", "campusworld", "browse", "report", "doctor"),
}
TOOLS = {
    "train": "train",
    "export": "export",
    "test": "test",
    "benchmark": "benchmark",
    "evaluate": "evaluate",
    "localize": "localize",
    "gallery": "gallery",
    "make_campusworld": "campusworld",
    "report": "report",
}
EXAMPLES = [(name, line) for name, command in COMMANDS.items() for line in command.examples]
# These train, render a whole world, or import all packages anew: they are read here, and not run.
LONG = {
    *COMMANDS["doctor"].examples,
    *COMMANDS["train"].examples,
    *COMMANDS["campusworld"].examples,
    *[line for line in COMMANDS["benchmark"].examples if "--report-only" not in line],
    *[line for line in COMMANDS["test"].examples if "--descriptors" not in line],
}


def words(line: str) -> list[str]:
    """Return what the shell hands to ``geoloc``."""
    given = shlex.split(line.partition(" > ")[0])
    assert given[0] == "geoloc"
    return given[1:]


def test_the_help_imports_nothing_that_is_slow() -> None:
    code = (
        "import sys\nfrom geoloc.command_line import main\nmain(['--help'])\nmain(['--version'])\n"
        "print(sorted({'torch', 'numpy', 'mmengine', 'rich', 'packaging'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[-1] == "[]"
    assert lines[-2] == "geoloc 0.1.0"
    listed = [line.split()[0] for line in lines if line.startswith("  ") and len(line.split()) > 2]
    assert sorted(listed) == sorted(EXPECTED) == sorted(COMMANDS)


def test_a_misspelt_command_is_answered_with_the_right_one() -> None:
    command = [sys.executable, "-m", "geoloc"]
    done = subprocess.run([*command, "trian"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "error: geoloc has no command 'trian': did you mean train?\n"
    assert done.stdout == ""
    assert "geoloc localize" not in done.stderr
    bare = subprocess.run(command, capture_output=True, text=True)
    assert (bare.returncode, bare.stdout) == (
        0,
        subprocess.run([*command, "--help"], capture_output=True, text=True).stdout,
    )


@pytest.mark.parametrize("lines", [1, 100_000], ids=["buffered", "flushed"])
def test_a_reader_who_has_had_enough_sees_no_traceback(lines: int) -> None:
    code = (
        "from geoloc.command_line import run_command\n"
        f"run_command(lambda: print('a line\\n' * {lines}))"
    )
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_setup_declares_the_command() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    declared = setup["options.entry_points"]["console_scripts"].strip()
    name, _, value = map(str.strip, declared.partition("="))
    assert name == "geoloc"
    assert EntryPoint(name, value, "console_scripts").load() is main


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_is_the_command(tool: str, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", [f"{tool}.py", "--help"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(ROOT / f"tools/{tool}.py"), run_name="__main__")
    assert stop.value.code == 0
    of_tool = capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([TOOLS[tool], "--help"])
    assert capsys.readouterr().out == of_tool
    assert of_tool.startswith(f"usage: geoloc {TOOLS[tool]} ")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = COMMANDS[name]
    assert command.purpose.endswith(".")
    assert len(f"  {name:11}  {command.purpose}") <= 100
    assert 2 <= len(command.examples) <= 3
    with pytest.raises(SystemExit):
        main([name, "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert command.purpose in lines
    for line in command.examples:
        assert f"  {line}" in lines
        assert words(line)[0] == name
    assert lines[-2:] == ["next:", f"  {command.next}"]
    if command.next.startswith("geoloc "):  # what comes next can be called, too
        after, *rest = words(command.next)
        command_parser(after, importlib.import_module(COMMANDS[after].module)).parse_args(rest)


@pytest.mark.parametrize(("name", "line"), EXAMPLES)
def test_an_example_is_understood(name: str, line: str) -> None:
    parser = command_parser(name, importlib.import_module(COMMANDS[name].module))
    args = parser.parse_args(words(line)[1:])
    if config := getattr(args, "config", None):
        assert (ROOT / config).is_file()
    if (checkpoint := getattr(args, "checkpoint", None)) is not None:
        epochs = load_config(ROOT / args.config).train_cfg.max_epochs
        assert Path(checkpoint).name == f"epoch_{epochs}.pth"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout after its first training, with a small world, and the photos of a user."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "configs").symlink_to(ROOT / "configs")
    world = write_da_campus(folder / "data/CampusWorld", train=2, test=24, views=1)
    run = folder / RUN
    source = DACampus(world, counts=None)
    index = source.index.select("test")
    features = np.random.default_rng(0).normal(size=(len(index), 16))
    descriptors = torch.nn.functional.normalize(torch.from_numpy(features).float())
    results = HierarchicalRetrieval().measure(descriptors, index, (3.0, 200.0, 500.0))
    save_run(run, results, descriptors.numpy(), index, source.protocol.as_dict())
    (folder / "tiny.py").write_text(TINY_MODEL)
    cfg = Config.fromfile(folder / "tiny.py")
    cfg.test_dataloader.dataset.source = {"type": "DACampus", "data_root": "data/CampusWorld"}
    cfg.dump(run / "dycl_r18_campusworld.py")  # as a training does
    model = MODELS.build(cfg.model)
    torch.save({"state_dict": model.state_dict()}, run / "epoch_10.pth")
    (run / "last_checkpoint").write_text(str(run / "epoch_10.pth"))
    for number in range(4):
        where = (48.0 + number / 64, 11.0)
        write_photo(folder / f"satellite_images/{number}.jpg", where, number)
        write_photo(folder / f"my_photos/{number}.jpg", None, number)
    tags = {SCALE: (2e-5, 1e-5, 0), TIEPOINT: (0, 0, 0, 24.75, 60.25, 0)}
    write_geotiff(folder / "ortho.tif", noise(200, 200), 4326, tags)
    return folder


def test_the_examples_work_as_they_stand(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    opened = []
    browser = SimpleNamespace(open=lambda url, *_: opened.append(url) is None)
    webbrowser.register("recorder", None, browser, preferred=True)
    printed = {}
    for _, line in EXAMPLES:
        if line not in LONG:
            main(words(line))
            printed[line] = capsys.readouterr().out
    for name in ("report", "browse"):
        first = next(iter(COMMANDS[name].examples))
        page = project / RUN / {"report": "report.html", "browse": "failures.html"}[name]
        assert printed[first] == f"Written: {page.relative_to(project)}\n"
        assert "<html" in page.read_text()[:200]
    assert opened == [(project / RUN / "failures.html").as_uri()]
    described, tested = (
        printed[f"geoloc evaluate {RUN}"],
        printed[f"geoloc test {CONFIG} --descriptors {RUN}"],
    )
    row = next(line for line in tested.splitlines() if "H-AP" in line)
    assert row.split("│")[2].split()[0] in described  # the same number by both ways
    galleries = [out for line, out in printed.items() if line.startswith("geoloc gallery")]
    assert "24 rows of width 16" in galleries[0]
    assert "all checksums are right" in galleries[1]
    known, folders, raster = (
        out for line, out in printed.items() if line.startswith("geoloc localize")
    )
    assert "24 files: 24 localized, 0 not read" in known
    assert "of the 24 photos that know their position" in known
    assert "gallery of 4 images in results/gallery" in folders
    assert "4 files: 4 localized, 0 not read" in folders
    assert "4 files: 4 localized, 0 not read" in raster
    shutil.rmtree(project / "results")


def test_a_module_that_cannot_be_imported_sends_to_the_doctor(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so: cannot open')")
    code = "from geoloc.command_line import main; main(['train', 'a.py'])"
    path = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=path)
    assert done.returncode == 1
    assert done.stderr == (
        "error: geoloc train cannot be loaded (libcudart.so: cannot open); geoloc doctor tells "
        "what is wrong with the installation\n"
    )
