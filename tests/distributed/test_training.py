"""Whole runs of two processes beside those of one."""

import json
import os
from pathlib import Path

import numpy as np
import torch

from geoloc.engine.config import load_config
from geoloc.engine.run import prepare, train
from geoloc.engine.run import test as run_test
from geoloc.evaluation.results import load_run, read_metrics

FSDP = """
runner_type = 'FlexibleRunner'
strategy = dict(
    type='FSDPStrategy', state_dict_cfg='full',
    model_wrapper=dict(
        device_id='cpu', use_orig_params=True,
        auto_wrap_policy=dict(
            type='torch.distributed.fsdp.wrap.size_based_auto_wrap_policy',
            min_num_params=1_000_000)))
train_dataloader = dict(batch_size=3)
"""
STOPPING = """
from mmengine.hooks import Hook
from geoloc.registry import HOOKS

@HOOKS.register_module()
class StopHook(Hook):
    priority = 'LOWEST'
    def after_train_iter(self, runner, *_, **__):
        if runner.iter == 8:
            raise SystemExit('stopped')
"""
OPTIMIZER = "optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=0.01))\n"
EVERY_STEP = "default_hooks = dict(logger=dict(interval=1))\n"


def losses(folder: Path) -> list[float]:
    log = [json.loads(line) for line in next(folder.glob("*/vis_data/scalars.json")).open()]
    return [entry["loss"] for entry in log if "loss" in entry]


def test_a_run_of_two_processes_evaluates_as_its_checkpoint(
    run_tool, small_config, tmp_path
) -> None:
    """Also where every process has seen other images, which BatchNorm remembers."""
    config = small_config(batch_size=3, extra="custom_hooks = [dict(type='EMAHook')]\n")
    done = run_tool("dist_train.sh", config, 2, "--work-dir", "run")
    assert done.returncode == 0, done.stderr
    cfg = prepare(load_config(config), str(tmp_path / "again"))
    run_test(cfg, str(tmp_path / "run/epoch_2.pth"))
    one, other = (load_run(tmp_path / name)[0] for name in ("run", "again"))
    np.testing.assert_allclose(one, other, atol=1e-5)
    assert read_metrics(tmp_path / "run") == read_metrics(tmp_path / "again")


def test_sharded_parameters_train_as_whole_ones(run_tool, small_config, tmp_path) -> None:
    """FSDP by mmengine's strategy, in chunks, against one process without either."""
    common = f"{OPTIMIZER}{EVERY_STEP}model = dict(backbone=dict(norm_eval=True))\n"
    common = common.replace("lr=0.01)", "lr=0.01), clip_grad=dict(max_norm=5.0)")
    cfg = load_config(small_config(extra=common))
    train(prepare(cfg, str(tmp_path / "one")))
    chunks = common.replace("model = dict(", "model = dict(chunk_size=2, ")
    done = run_tool("dist_train.sh", small_config(extra=chunks + FSDP), 2, "--work-dir", "shards")
    assert done.returncode == 0, done.stderr
    one, shards = (losses(tmp_path / name) for name in ("one", "shards"))
    assert len(one) == 12
    np.testing.assert_allclose(shards, one, rtol=1e-4)
    run_test(
        prepare(load_config(small_config(extra=common)), str(tmp_path / "again")),
        str(tmp_path / "shards/epoch_2.pth"),
    )
    assert read_metrics(tmp_path / "again") == read_metrics(tmp_path / "shards")


def test_a_run_of_sharded_parameters_goes_on_within_an_epoch(
    run_tool, small_config, tmp_path
) -> None:
    """With Adam, whose state is sharded too, and weights in NHWC order."""
    (tmp_path / "stopping.py").write_text(STOPPING)
    path = {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    common = f"{FSDP}model = dict(channels_last=True)\n"
    common += "default_hooks = dict(checkpoint=dict(within_epoch=2))\n"
    stopping = (
        "custom_imports = dict(imports=['stopping'])\ncustom_hooks = [dict(type='StopHook')]\n"
    )
    stopped = run_tool(
        "dist_train.sh", small_config(extra=common + stopping), 2, "--work-dir", "run", **path
    )
    assert "stopped" in stopped.stderr, stopped.stderr
    assert (tmp_path / "run/within_epoch.pth").is_file()
    config = small_config(extra=common)
    for arguments in (("run", "--resume"), ("whole",)):
        done = run_tool("dist_train.sh", config, 2, "--work-dir", *arguments)
        assert done.returncode == 0, done.stderr
    run, whole = (
        torch.load(tmp_path / name / "epoch_2.pth", weights_only=True) for name in ("run", "whole")
    )
    assert whole["optimizer"]["state"]["backbone.conv1.weight"]["exp_avg"].any()
    torch.testing.assert_close(run["state_dict"], whole["state_dict"], rtol=0, atol=0)
    states = (run["optimizer"]["state"], whole["optimizer"]["state"])
    torch.testing.assert_close(*states, rtol=0, atol=0)
    assert read_metrics(tmp_path / "run") == read_metrics(tmp_path / "whole")
