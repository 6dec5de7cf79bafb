"""A loss of a user trains without touching the package."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from geoloc import registry

ROOT = Path(__file__).parents[1]
LOSS = """
import torch
from torch import Tensor, nn
from geoloc.registry import LOSSES

@LOSSES.register_module()
class NearIsSimilarLoss(nn.Module):
    '''Regress the cosine of every pair to its level.'''
    def __init__(self, slope: float = 0.3) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, query: Tensor, gallery: Tensor, levels: Tensor) -> Tensor:
        return (query @ gallery.T - self.slope * levels).square().mean()
"""
USE = "model = dict(losses=dict(near=dict(type='NearIsSimilarLoss', slope=0.2, weight=3.0)))\n"


def test_installed_package_trains_through_its_entry_point(run_tool, small_config, tmp_path) -> None:
    project = tmp_path / "near_project"
    (project / "near_package").mkdir(parents=True)
    (project / "near_package/__init__.py").write_text("")
    (project / "near_package/losses.py").write_text(LOSS)
    (project / "pyproject.toml").write_text(
        '[project]\nname = "near-package"\nversion = "1.0"\n'
        '[project.entry-points."geoloc.plugins"]\nnear = "near_package.losses"\n'
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[tool.setuptools]\npackages = ["near_package"]\n'
    )
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--target", site, project], check=True)
    done = run_tool("train.py", small_config(extra=USE), "--work-dir", "run", PYTHONPATH=str(site))
    assert done.returncode == 0, done.stderr
    assert "loss_near" in done.stdout


def test_a_broken_plugin_is_named_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[geoloc.plugins]\nbroken = broken_plugin\n")
    (tmp_path / "broken_plugin.py").write_text("raise RuntimeError('no licence')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.warns(UserWarning, match=r"plugin 'broken' \(broken_plugin\).*no licence"):
        registry.load_plugins()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registry.load_plugins()  # once is enough
    assert "DyCLLoss" in registry.LOSSES
