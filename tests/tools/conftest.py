"""Hooks of a user for runs that the tests start as processes."""

from pathlib import Path

import pytest

from tests.conftest import ROOT

# In a file outside the package: they end the process, one of two or the launcher in the middle of
# an epoch as kill -9 does, or by a mistake; one records the loss and all gradients.
HOOKS = """
import os, signal, torch
from pathlib import Path
from mmengine.hooks import Hook
from geoloc.errors import ConfigError
from geoloc.registry import HOOKS

@HOOKS.register_module()
class KillHook(Hook):
    def __init__(self, iteration): self.iteration = iteration
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == self.iteration:
            os.kill(os.getpid(), signal.SIGKILL)

@HOOKS.register_module()
class LostHook(Hook):  # each iteration once
    def __init__(self, iterations, rank=1): self.iterations, self.rank = iterations, rank
    def after_train_iter(self, runner, *_, **__):
        mark = Path(runner.work_dir, f"lost{runner.iter}")
        if runner.rank == self.rank and runner.iter in self.iterations and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

@HOOKS.register_module()
class MistakeHook(Hook):
    def after_train_iter(self, runner, *_, **__):
        if runner.iter == 1 and runner.rank == 1:
            raise ConfigError('a mistake')

@HOOKS.register_module()
class KillLauncherHook(Hook):
    def before_train_iter(self, runner, *_, **__):
        if runner.rank == 1:
            os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()

@HOOKS.register_module()
class RecordHook(Hook):
    def __init__(self, path): self.path, self.steps, self.losses = path, [], []
    def before_train(self, runner):
        model = getattr(runner.model, 'module', runner.model)
        runner.optim_wrapper.optimizer.register_step_pre_hook(lambda *_: self.steps.append(
            torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])))
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append(float(outputs['loss'].detach()))
    def after_train(self, runner):
        if runner.rank == 0:
            torch.save(dict(gradients=torch.stack(self.steps), losses=self.losses), self.path)
"""
IMPORTS = "custom_imports = dict(imports=['user_hooks'])\n"


@pytest.fixture
def user_hooks(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "user_hooks.py").write_text(HOOKS)
    return {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
