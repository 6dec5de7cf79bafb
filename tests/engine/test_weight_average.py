"""Trainings with averaged weights: their evaluation, checkpoints and resumption."""

import shutil
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook

from geoloc.engine.config import load_config
from geoloc.engine.run import prepare, train
from geoloc.engine.run import test as run_test
from geoloc.errors import ConfigError
from geoloc.evaluation.results import load_run, read_metrics
from geoloc.localization.trained_model import load_trained_model
from geoloc.registry import HOOKS

WATCHED = "head.fc.weight"
# A loss that gets buffers when training begins, and a memory that grows.
MODEL = """
model = dict(
    losses=dict(_delete_=True, csl=dict(type='CSLLoss', num_places=12, embed_dims=256)),
    miner=dict(type='XBM', loss=dict(type='InfoNCELoss'), memory_size=20, start_iteration=2))
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True, backbone=dict(lr=1e-3)))
"""


@HOOKS.register_module()
class WeightRecorder(Hook):
    """Keep a weight of every step."""

    weights: ClassVar[list[torch.Tensor]] = []

    def after_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        self.weights.append(dict(runner.model.named_parameters())[WATCHED].detach().clone())


@pytest.fixture
def averaged(small_config, tmp_path):
    """Return a trainer of the small config with the options of the hook."""

    def run(name: str, resume: Path | None = None, **options: Any) -> Path:
        hooks = [{"type": "EMAHook", "momentum": 0.25, **options}, {"type": "WeightRecorder"}]
        config = load_config(small_config(extra=f"{MODEL}custom_hooks = {hooks}\n"))
        WeightRecorder.weights = []
        return train(prepare(config, str(tmp_path / name)), resume and str(resume))

    return run


def weights(file: Path) -> dict[str, Any]:
    return torch.load(file, weights_only=True)


def test_a_run_evaluates_saves_and_resumes_its_average(averaged, small_config, tmp_path) -> None:
    whole = averaged("whole")
    mean, *steps = WeightRecorder.weights
    for weight in steps:
        mean = 0.75 * mean + 0.25 * weight
    last = weights(whole / "epoch_2.pth")
    torch.testing.assert_close(last["state_dict"][WATCHED], mean)
    torch.testing.assert_close(last["ema_state_dict"][f"module.{WATCHED}"], steps[-1])
    assert not torch.allclose(mean, steps[-1])
    assert len(last["state_dict"]["miner.memory.views.drone.rows"]) == 20

    # The numbers of the run are those of the average, which is what a checkpoint is to others.
    cfg = prepare(load_config(tmp_path / "small.py"), str(tmp_path / "test"))
    run_test(cfg, str(whole / "epoch_2.pth"))
    assert read_metrics(tmp_path / "test") == read_metrics(whole)
    model = load_trained_model(tmp_path / "small.py", whole / "epoch_2.pth").model
    torch.testing.assert_close(dict(model.named_parameters())[WATCHED].detach(), mean)

    resumed = averaged("resumed", whole / "epoch_1.pth")
    again = weights(resumed / "epoch_2.pth")
    for part in ("state_dict", "ema_state_dict"):
        assert last[part].keys() == again[part].keys()
        for name, value in last[part].items():
            assert torch.equal(value, again[part][name]), (part, name)
    np.testing.assert_array_equal(load_run(whole)[0], load_run(resumed)[0])


def test_the_average_may_begin_later(averaged, tmp_path) -> None:
    run = averaged("late", begin_epoch=2)
    recorded = WeightRecorder.weights
    first, last = (weights(run / f"epoch_{epoch}.pth")["state_dict"] for epoch in (1, 2))
    half = len(recorded) // 2
    torch.testing.assert_close(first[WATCHED], recorded[half - 1])
    mean = recorded[half]
    for weight in recorded[half + 1 :]:
        mean = 0.75 * mean + 0.25 * weight
    torch.testing.assert_close(last[WATCHED], mean)
    shutil.rmtree(run)
    with pytest.raises(ConfigError, match=r"begin_epoch=3 is beyond .* max_epochs=2; lower it"):
        averaged("never", begin_epoch=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"update_buffers": True}, r"update_buffers=True would average what .* leave it out"),
        ({"begin_iter": 3, "begin_epoch": 1}, r"begin_iter=3 and begin_epoch=1 .* set one of them"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        HOOKS.build({"type": "EMAHook", **options})
