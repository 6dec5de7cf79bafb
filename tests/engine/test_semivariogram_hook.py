import json
import logging
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from geoloc.datasets.place_levels import DistanceLevels
from geoloc.engine.hooks import SemivariogramHook
from geoloc.errors import ConfigError
from geoloc.geo.semivariogram import load_semivariogram
from geoloc.models.losses import SemivariogramInfoNCELoss

PLACES = 60


def campus() -> np.ndarray:
    return np.array([30.0, 114.0]) + np.random.default_rng(0).uniform(0, 0.02, (PLACES, 2))


class Hub:
    def __init__(self) -> None:
        self.scalars: dict[str, float] = {}
        self.info: dict[str, str] = {}

    def update_scalar(self, key: str, value: float) -> None:
        self.scalars[key] = value

    def update_info(self, key: str, value: str) -> None:
        self.info[key] = value


def runner_of(loss: nn.Module, folder: Path, length: int = 4) -> Any:
    return SimpleNamespace(
        model=nn.ModuleDict({"srcl": loss}),
        train_dataloader=[None] * length,
        iter=0,
        work_dir=str(folder),
        logger=logging.getLogger("test"),
        message_hub=Hub(),
    )


def descriptors(latlon: np.ndarray, smooth: bool) -> torch.Tensor:
    """Return features that change over about 500 m, or at random."""
    rng = np.random.default_rng(1)
    if not smooth:
        return torch.from_numpy(rng.normal(size=(len(latlon), 32)))
    x = (latlon - latlon.mean(axis=0)) * 111_195.0
    phase = x @ rng.normal(size=(2, 32)) / 500 + rng.uniform(0, 2 * math.pi, 32)
    return torch.from_numpy(np.cos(phase) + 0.1 * rng.normal(size=phase.shape))


def train(
    hook: SemivariogramHook, runner: Any, loss: SemivariogramInfoNCELoss, epochs: int, smooth: bool
) -> list[float]:
    latlon = campus()
    features = descriptors(latlon, smooth)
    generator = torch.Generator().manual_seed(0)
    ramps = []
    for _ in range(epochs):
        for step in range(len(runner.train_dataloader)):
            hook.before_train_iter(runner, step)
            ramps.append(loss.ramp)
            places = torch.randperm(PLACES, generator=generator)[:40]
            loss.both_directions(
                features[places], features[places], 3 * torch.eye(40, dtype=torch.int8), places
            )
            hook.after_train_iter(runner, step)
            runner.iter += 1
        hook.after_train_epoch(runner)
    return ramps


def campus_loss() -> SemivariogramInfoNCELoss:
    loss = SemivariogramInfoNCELoss()
    loss.set_place_levels(DistanceLevels.from_positions(campus(), (3, 200, 500)))
    return loss


@pytest.mark.filterwarnings("ignore:.*works as plain InfoNCE")
def test_it_refits_logs_and_saves_after_an_epoch(tmp_path: Path) -> None:
    loss, hook = campus_loss(), SemivariogramHook(refit="epoch")
    runner = runner_of(loss, tmp_path)
    hook.before_train(runner)
    ramps = train(hook, runner, loss, epochs=3, smooth=True)
    assert loss.semivariogram.fitted.is_fitted
    # the reweighting grows over the epoch after the first fit
    assert ramps[4:] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0]
    scalars = runner.message_hub.scalars
    names = ("nugget", "partial_sill", "scale_km", "shape", "range_km", "r2", "pairs")
    assert set(scalars) == {f"train/semivariogram/{name}" for name in names}
    assert 0.1 < scalars["train/semivariogram/range_km"] < 4
    assert runner.message_hub.info == {"semivariogram/status": "ok"}
    saved = load_semivariogram(tmp_path / "semivariogram.json")
    assert saved.curve is not None
    assert saved.curve.nugget == float(loss.semivariogram.fitted.theta[0])
    assert SemivariogramInfoNCELoss(curve=tmp_path / "semivariogram.json")


@pytest.mark.filterwarnings("ignore:.*works as plain InfoNCE")
def test_features_without_spatial_order_leave_plain_infonce(tmp_path: Path) -> None:
    loss, hook = campus_loss(), SemivariogramHook(refit=3)
    runner = runner_of(loss, tmp_path)
    hook.before_train(runner)
    train(hook, runner, loss, epochs=1, smooth=False)
    assert not loss.semivariogram.fitted.is_fitted
    assert runner.message_hub.info == {"semivariogram/status": "flat"}
    assert json.loads((tmp_path / "semivariogram.json").read_text())["curve"] is None


def test_without_refits_nothing_is_collected(tmp_path: Path) -> None:
    loss, hook = campus_loss(), SemivariogramHook(warmup_epochs=0)
    runner = runner_of(loss, tmp_path)
    hook.before_train(runner)
    with pytest.warns(UserWarning, match="plain InfoNCE"):
        train(hook, runner, loss, epochs=1, smooth=True)
    assert loss.ramp == 1.0
    assert not loss.semivariogram.stream.has_begun
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("refit", ["daily", 0, True, 0.5])
def test_impossible_intervals_are_named(refit: Any) -> None:
    with pytest.raises(ConfigError, match=f"refit={refit!r} must be 'never'"):
        SemivariogramHook(refit=refit)


def test_a_model_without_the_loss_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a SemivariogramInfoNCELoss"):
        SemivariogramHook().before_train(runner_of(nn.Linear(1, 1), tmp_path))
