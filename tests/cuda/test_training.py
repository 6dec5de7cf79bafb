import json
import os

import numpy as np
import pytest
import torch

from geoloc.evaluation.results import load_run, read_metrics

TASKS = ("drone->satellite", "satellite->drone")
MINERS = {
    "none": "None",
    "docb": "dict(type='DOCB', memory_size=3, start_epoch=0)",
    "xbm": (
        "dict(type='XBM', loss=dict(type='CosineContrastiveLoss'), memory_size=12, "
        "start_iteration=1)"
    ),
}


@pytest.fixture
def train_on_gpu(run_tool, small_config, tmp_path):
    """Return a trainer that runs a small config and returns its folder."""

    def train(tool: str, name: str, *arguments: object, extra: str = "") -> object:
        gpu = {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0")}
        # Without this cuBLAS is not deterministic, and torch refuses.
        gpu["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
        config = small_config(base="infonce/infonce_r18_campusworld.py", extra=extra)
        done = run_tool(tool, config, *arguments, "--work-dir", name, **gpu)
        assert done.returncode == 0, done.stderr
        return tmp_path / name

    return train


def losses(folder):
    log = [json.loads(line) for line in next(folder.glob("*/vis_data/scalars.json")).open()]
    return [entry["loss"] for entry in log if "loss" in entry]


@pytest.mark.parametrize("miner", MINERS)
def test_a_run_in_half_precision(miner, train_on_gpu):
    every_step = "default_hooks = dict(logger=dict(interval=1))\n"
    model = f"model = dict(miner={MINERS[miner]})\n"
    folder = train_on_gpu("train.py", "run", extra=f"amp = True\n{every_step}{model}")
    checkpoint = torch.load(folder / "epoch_2.pth", map_location="cpu", weights_only=True)
    assert "loss_scaler" in checkpoint["optimizer"]
    steps = losses(folder)
    assert steps
    assert np.isfinite(steps).all()
    start, end = (load_run(run)[0] for run in (folder / "before_training", folder))
    assert np.abs(end - start).max() > 1e-4
    metrics = read_metrics(folder)
    assert all(0 < metrics[task]["H-AP"] <= 100 for task in TASKS)


def test_a_resumed_run_ends_like_the_whole(train_on_gpu):
    extra = "amp = True\nrandomness = dict(deterministic=True)\n"
    whole = train_on_gpu("train.py", "whole", extra=extra)
    resumed = train_on_gpu("train.py", "rest", "--resume", whole / "epoch_1.pth", extra=extra)
    one, other = (load_run(folder)[0] for folder in (whole, resumed))
    np.testing.assert_array_equal(one, other)
    assert read_metrics(whole) == read_metrics(resumed)


def test_a_launched_process_computes_what_one_without_launcher_does(train_on_gpu):
    extra = "randomness = dict(deterministic=True)\n"
    alone = train_on_gpu("train.py", "alone", extra=extra)
    launched = train_on_gpu("dist_train.sh", "launched", 1, extra=extra)  # over NCCL
    np.testing.assert_allclose(load_run(launched)[0], load_run(alone)[0], atol=1e-4)
