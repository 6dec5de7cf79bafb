"""Mining in whole runs: several processes, resumed runs."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import free_port

# Trains every job in turn: float precision, config, work folder, checkpoint to resume from. A hook
# records losses, gradients and the checksum of the miner's state on every rank.
SCRIPT = """
import sys, torch
from mmengine.hooks import Hook
from geoloc.registry import BACKBONES, HOOKS
from geoloc.engine.config import load_config
from geoloc.engine.run import prepare, train

@BACKBONES.register_module()
class TwoConvolutions(torch.nn.Sequential):
    def __init__(self):
        first, second = torch.nn.Conv2d(3, 16, 5, stride=3), torch.nn.Conv2d(16, 32, 3)
        super().__init__(first, torch.nn.ReLU(), second, torch.nn.ReLU())

@HOOKS.register_module()
class RecordMiningHook(Hook):
    def before_train(self, runner):
        self.steps, self.losses, self.sums = [], [], []
        self.model = getattr(runner.model, 'module', runner.model)
        runner.optim_wrapper.optimizer.register_step_pre_hook(lambda *_: self.steps.append(
            torch.cat([p.grad.flatten() for p in self.model.parameters()])))
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append([float(outputs[name].detach()) for name in ('loss', 'loss_miner')])
        self.sums.append(self.model.miner.checksum())
    def after_train(self, runner):
        memory = {view: self.model.miner.memory[view].rows for view in self.model.views}
        torch.save(dict(gradients=torch.stack(self.steps), losses=self.losses, sums=self.sums,
                        memory=memory), f'{runner.work_dir}/rank{runner.rank}.pth')

launcher, *jobs = sys.argv[1:]
for job in jobs:
    precision, config, folder, resume = job.split(',')
    torch.set_default_dtype(getattr(torch, precision))
    cfg = load_config(config)
    train(prepare(cfg, folder, launcher=launcher), resume or None)
"""
OPTIMIZERS = {
    "float64": "dict(type='Adam', lr=1e-3)",
    # Adam turns the rounding of vanishing gradients into steps of full length; with longer steps
    # than these, differences by rounding grow from iteration to iteration (to 1.2e-5 at lr=0.01).
    "float32": "dict(_delete_=True, type='SGD', lr=0.003, momentum=0.9)",
}
MINER = "dict(type='DOCB', memory_size=3, start_epoch=0)"


@pytest.fixture
def launch(tmp_path: Path):
    """Return a starter of the script in one or several processes."""
    (tmp_path / "mine.py").write_text(SCRIPT)

    def run(processes: int, *jobs: str) -> None:
        command = [sys.executable, "mine.py", "none", *jobs]
        if processes > 1:
            torchrun = ["-m", "torch.distributed.run", f"--nproc_per_node={processes}"]
            command[1:3] = [*torchrun, f"--master_port={free_port()}", "mine.py", "pytorch"]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr

    return run


def write_config(small_config, batch_size: int, precision: str) -> str:
    path = small_config(
        base="infonce/infonce_r18_campusworld.py",
        extra=f"""
pipeline = [dict(type='LoadImage'), dict(type='mmpretrain.RandomResizedCrop', scale=32),
            dict(type='mmpretrain.PackInputs')]
custom_hooks = [dict(type='RecordMiningHook')]
train_dataloader = dict(batch_size={batch_size},
                        dataset=dict(pipelines=dict(drone=pipeline, satellite=pipeline)))
model = dict(backbone=dict(_delete_=True, type='TwoConvolutions'), head=dict(in_dims=32),
             miner={MINER})
optim_wrapper = dict(optimizer={OPTIMIZERS[precision]})
""",
    )
    name = path.with_name(f"{precision}_{batch_size}.py")
    path.rename(name)
    return str(name)


def test_processes_and_resumed_runs_equal_one_run(launch, small_config, tmp_path) -> None:
    single, double = (
        {precision: write_config(small_config, size, precision) for precision in OPTIMIZERS}
        for size in (6, 3)
    )
    launch(
        1,
        f"float64,{single['float64']},one64,",
        f"float32,{single['float32']},one32,",
        f"float32,{single['float32']},again32,one32/epoch_1.pth",
    )
    launch(
        2,
        f"float64,{double['float64']},two64,",
        f"float32,{double['float32']},two32,",
        f"float32,{double['float32']},wider32,one32/epoch_1.pth",
    )

    def read(folder: str, rank: int = 0) -> dict:
        return torch.load(tmp_path / folder / f"rank{rank}.pth", weights_only=True)

    one = read("one64")
    assert len(one["losses"]) == 12
    assert all(miner > 0 for _, miner in one["losses"][1:])
    assert {view: len(rows) for view, rows in one["memory"].items()}["drone"] == 18

    for first, second, start, tolerance in (
        ("one64", "two64", 0, 1e-9),
        ("one32", "two32", 0, 1e-5),
        ("one32", "wider32", 6, 1e-5),
        ("one32", "again32", 6, 0.0),
    ):
        one, two = read(first), read(second)
        losses = np.array(one["losses"][start:])
        np.testing.assert_allclose(losses, two["losses"], rtol=tolerance)
        gradients = one["gradients"][start:]
        scale = gradients.abs().amax(dim=1, keepdim=True)
        difference = (gradients - two["gradients"]) / scale
        assert float(difference.abs().max()) <= tolerance, (first, second)
        for view, rows in one["memory"].items():
            assert torch.equal(rows, two["memory"][view])
        if tolerance == 0:
            assert one["sums"][start:] == two["sums"]
    for folder in ("two64", "two32", "wider32"):
        assert read(folder)["sums"] == read(folder, rank=1)["sums"]
