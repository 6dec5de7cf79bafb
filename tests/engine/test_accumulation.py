"""Gradients accumulated over iterations are the mean of theirs, not those of a larger batch."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from mmengine.hooks import Hook

from geoloc.engine.config import load_config
from geoloc.engine.run import prepare, train
from geoloc.registry import HOOKS


@HOOKS.register_module()
class StepRecorder(Hook):
    """Keep the gradient of every step of the optimiser, and the loss of every iteration."""

    steps: ClassVar[list[torch.Tensor]] = []
    losses: ClassVar[list[float]] = []

    def before_train(self, runner: Any) -> None:
        parts = [part for part in runner.model.parameters() if part.requires_grad]
        runner.optim_wrapper.optimizer.register_step_pre_hook(
            lambda *_: self.steps.append(torch.cat([part.grad.flatten() for part in parts]))
        )

    def after_train_iter(self, runner: Any, batch_idx: int, **kwargs: Any) -> None:
        self.losses.append(float(kwargs["outputs"]["loss"].detach()))


@pytest.mark.parametrize("count", [2, 5])
def test_accumulated_gradients_are_means_and_the_last_of_an_epoch_may_be_of_few(
    count: int, small_config, tmp_path: Path
) -> None:
    """Weights that do not move make the iterations of both runs the same."""

    def run(name: str, counts: int) -> tuple[torch.Tensor, list[float]]:
        extra = f"""
custom_hooks = [dict(type='StepRecorder')]
train_cfg = dict(val_interval=9)
param_scheduler = []
optim_wrapper = dict(
    accumulative_counts={counts},
    optimizer=dict(_delete_=True, type='SGD', lr=0.0), paramwise_cfg=dict(_delete_=True))
"""
        StepRecorder.steps, StepRecorder.losses = [], []
        train(prepare(load_config(small_config(extra=extra)), str(tmp_path / name)))
        return torch.stack(StepRecorder.steps), StepRecorder.losses

    single, losses = run("single", 1)
    accumulated, same_losses = run("accumulated", count)
    assert len(single) == 12
    assert same_losses == losses
    groups = [group for epoch in single.split(6) for group in epoch.split(count)]
    expected = torch.stack([group.mean(dim=0) for group in groups])
    assert len(expected) == 2 * -(-6 // count)
    scale = expected.abs().max()
    torch.testing.assert_close(accumulated / scale, expected / scale, rtol=1e-4, atol=1e-5)
