"""From a run folder to a bundle to answers, by the command lines."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from geoloc.localization.model_bundle import ModelBundle
from geoloc.localization.trained_model import load_trained_model
from tests.localization.conftest import Files
from tests.localization.test_commands import tool


def test_a_run_becomes_a_bundle_that_localizes(
    run_folder: Callable[..., Path],
    files: Files,
    world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, out = run_folder(), tmp_path / "bundle"
    metrics = {"drone->satellite": {"H-AP": 12.3456, "R@1/overall": float("nan")}}
    protocol = {"dataset": "World", "fingerprint": "12ab"}
    (run / "metrics.json").write_text(json.dumps({**metrics, "protocol": protocol}))
    tool("export", run, "--out", out, "--licence", "CC-BY-4.0")
    printed = capsys.readouterr().out
    assert "drone: images of 32 x 32, descriptors of 16, entries differ by at most 0 " in printed
    assert "epoch_3.pth" in printed
    bundle = ModelBundle.read(out)
    assert bundle.record == load_trained_model(files.config, files.checkpoint).record
    assert bundle.about == {
        "Name": "tiny",
        "License": "CC-BY-4.0",
        "Metadata": {"Architecture": "ResNet-18"},
        "Results": [
            {
                "Task": "drone->satellite",
                "Dataset": "World (12ab)",
                "Metrics": {"H-AP": 12.35},
            }
        ],
    }
    tool("gallery", "build", world / "satellite", tmp_path / "g", "--model", out, "--view",
         "satellite")  # fmt: skip
    tool("export", run, "--format", "onnx", "--view", "drone", "--out", tmp_path / "onnx")
    for model in ("--model", out), ("--model", tmp_path / "onnx"):
        capsys.readouterr()
        tool("localize", world / "drone", "--gallery", tmp_path / "g", *model,
             "--out", tmp_path / "results")  # fmt: skip
        assert "12 files: 12 localized" in capsys.readouterr().out


def test_mistakes_are_named(
    run_folder: Callable[..., Path], files: Files, tmp_path: Path, world: Path
) -> None:
    run, out = run_folder(checkpoint=False), ("--out", tmp_path / "bundle")
    with pytest.raises(RuntimeError, match=r"holds no checkpoint \(\.pth\)"):
        tool("export", run, *out)
    with pytest.raises(RuntimeError, match="give the weights with --checkpoint"):
        tool("export", files.config, *out)
    with pytest.raises(RuntimeError, match="--view and --float-input are for --format onnx"):
        tool("export", run, "--checkpoint", files.checkpoint, "--view", "drone", *out)
    with pytest.raises(RuntimeError, match="give --model FOLDER, or --config"):
        tool("localize", world, "--gallery", world, "--config", files.config)
    with pytest.raises(RuntimeError, match="give --model FOLDER, or --config"):
        tool("localize", world, "--gallery", world, "--config", files.config, "--model", run)
