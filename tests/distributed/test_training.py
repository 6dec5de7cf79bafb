"""Whole runs of two processes beside those of one."""

import json
from pathlib import Path

import numpy as np

from geoloc.engine.config import load_config
from geoloc.engine.run import prepare, train
from geoloc.engine.run import test as run_test
from geoloc.evaluation.results import load_run, read_metrics

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
    cfg = load_config(small_config(extra=common))
    train(prepare(cfg, str(tmp_path / "one")))
    strategy = """
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
    chunks = common.replace("model = dict(", "model = dict(chunk_size=2, ")
    done = run_tool(
        "dist_train.sh", small_config(extra=chunks + strategy), 2, "--work-dir", "shards"
    )
    assert done.returncode == 0, done.stderr
    one, shards = (losses(tmp_path / name) for name in ("one", "shards"))
    assert len(one) == 12
    np.testing.assert_allclose(shards, one, rtol=1e-4)
    run_test(
        prepare(load_config(small_config(extra=common)), str(tmp_path / "again")),
        str(tmp_path / "shards/epoch_2.pth"),
    )
    assert read_metrics(tmp_path / "again") == read_metrics(tmp_path / "shards")
