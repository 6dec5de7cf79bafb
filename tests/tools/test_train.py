import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from geoloc.evaluation.results import load_run, read_intervals, read_metrics
from tests.tools.conftest import IMPORTS

TASKS = ("drone->satellite", "satellite->drone")
KEYS = {
    *("H-AP", "ASI", "NDCG"),
    *(f"mAP/{scale}" for scale in ("small", "middle", "large", "overall")),
    *(f"R@1/{scale}" for scale in ("small", "middle", "large", "overall")),
}


def test_train_leaves_metrics_descriptors_and_index(run_tool, small_config, tmp_path) -> None:
    done = run_tool("train.py", small_config(), "--work-dir", "run")
    assert done.returncode == 0, done.stderr
    run = tmp_path / "run"
    assert done.stdout.splitlines()[-1].startswith("Results are in run:")
    assert "before training" in done.stdout
    assert "after training" in done.stdout
    content = json.loads((run / "metrics.json").read_text())
    for task in TASKS:
        assert set(content[task]) >= KEYS
    assert content["protocol"]["thresholds_m"] == [3.0, 200.0, 500.0]
    assert len(content["config_hash"]) == 12
    descriptors = load_run(run)[0]
    assert descriptors.shape == (24, 256)
    np.testing.assert_allclose(np.linalg.norm(descriptors, axis=1), 1, atol=1e-5)
    assert read_metrics(run / "before_training") != read_metrics(run)

    # The same numbers come from the checkpoint, and from the descriptors without any model.
    again = run_tool("test.py", tmp_path / "small.py", run / "epoch_2.pth", "--work-dir", "again")
    assert again.returncode == 0, again.stderr
    assert read_metrics(tmp_path / "again") == read_metrics(run)
    saved = run_tool("test.py", tmp_path / "small.py", "--descriptors", run)
    assert saved.returncode == 0, saved.stderr
    row = next(line for line in saved.stdout.splitlines() if "H-AP" in line)
    intervals = read_intervals(run)
    expected = []
    for task in TASKS:
        low, high = intervals[task]["H-AP"]
        expected.append(f"{read_metrics(run)[task]['H-AP']:.2f} [{low:.2f}, {high:.2f}]")
    assert [cell.strip() for cell in row.strip("│").split("│")][1:] == expected


def test_killed_run_resumes_to_the_same_result_from_the_last_whole_checkpoint(
    run_tool, small_config, tmp_path, user_hooks
) -> None:
    extra = IMPORTS + "train_cfg = dict(max_epochs=3, val_interval=3)\n"
    whole = run_tool("train.py", small_config(extra=extra), "--work-dir", "whole", **user_hooks)
    assert whole.returncode == 0, whole.stderr
    killer = "custom_hooks = [dict(type='BeforeTrainingHook'), dict(type='KillHook', iteration=15)]"
    killed = run_tool(
        "train.py", small_config(extra=extra + killer), "--work-dir", "cut", **user_hooks
    )
    assert killed.returncode == -9
    assert not (tmp_path / "cut/metrics.json").is_file()
    last = tmp_path / "cut/epoch_2.pth"
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1  # one bit of a weight
    last.write_bytes(content)
    resumed = run_tool(
        "train.py", small_config(extra=extra), "--work-dir", "cut", "--resume", **user_hooks
    )
    assert resumed.returncode == 0, resumed.stderr
    assert "cut/epoch_2.pth is not used: its checksum does not fit" in resumed.stdout
    assert "going on from cut/epoch_1.pth" in resumed.stdout
    assert read_metrics(tmp_path / "cut") == read_metrics(tmp_path / "whole")
    one, other = (load_run(tmp_path / name)[0] for name in ("cut", "whole"))
    np.testing.assert_array_equal(one, other)
    assert read_metrics(tmp_path / "cut/before_training") == read_metrics(
        tmp_path / "whole/before_training"
    )


def test_slurm_starts_the_processes_of_every_node(run_tool, tmp_path) -> None:
    binaries = tmp_path / "bin"
    binaries.mkdir()
    for name, text in {
        "srun": 'printf "%s\\n" "$@" > "$SEEN"; while [ "$1" != bash ]; do shift; done; exec "$@"',
        "scontrol": 'if [ "$*" = "show hostnames node[1-2]" ]; then echo 127.0.0.1; fi',
    }.items():
        (binaries / name).write_text(f"#!/usr/bin/env bash\n{text}\n")
        (binaries / name).chmod(0o755)
    cluster = {"SLURM_NODEID": "0", "SLURM_JOB_NODELIST": "node[1-2]", "GPUS_PER_NODE": "1"}
    path = os.pathsep.join([str(binaries), str(Path(sys.executable).parent), os.environ["PATH"]])
    cluster |= {"PATH": path, "SEEN": str(tmp_path / "seen"), "SRUN_ARGS": "--time=1:00 --mem=0"}
    words = ("slurm_train.sh", "gpu", "folder/my_config.py", "--help")
    done = run_tool(*words, **cluster)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: geoloc train")
    seen = (tmp_path / "seen").read_text().splitlines()
    assert {"--partition=gpu", "--job-name=my_config", "--nodes=1", "--time=1:00"} <= {*seen}
    assert {"--cpus-per-task=5", "--gpus-per-node=1", "--ntasks-per-node=1", "--mem=0"} <= {*seen}
    assert run_tool("slurm_train.sh", "gpu").returncode == 2
    few = run_tool(*words, MAX_RESTARTS="-1", **cluster)
    assert (few.returncode, few.stderr) == (1, "MAX_RESTARTS=-1 must be 0 or more\n")


@pytest.mark.parametrize(
    ("precision", "optimizer", "tolerance"),
    [
        # Adam divides by the size of the gradient, which makes float32 rounding of a tiny gradient
        # a step of the full learning rate: the recipe's own optimiser is compared in float64.
        ("float64", "dict(type='Adam', lr=1e-3)", 1e-9),
        ("float32", "dict(_delete_=True, type='SGD', lr=0.01, momentum=0.9)", 1e-5),
    ],
)
def test_two_processes_equal_one_with_the_same_global_batch(
    run_tool, small_config, tmp_path, user_hooks, precision, optimizer, tolerance
) -> None:
    (tmp_path / "precision.py").write_text(
        f"import torch; torch.set_default_dtype(torch.{precision})"
    )
    imports = "custom_imports = dict(imports=['precision', 'user_hooks'])\n"

    def config(name: str, batch_size: int) -> Path:
        # BatchNorm statistics of half a batch differ, so they are frozen, as officially.
        extra = f"""
custom_hooks = [dict(type='RecordHook', path={str(tmp_path / name)!r})]
train_dataloader = dict(batch_size={batch_size})
model = dict(backbone=dict(norm_eval=True))
optim_wrapper = dict(optimizer={optimizer})
"""
        return small_config(extra=imports + extra)

    single = run_tool("train.py", config("one", 6), "--work-dir", "w1", **user_hooks)
    assert single.returncode == 0, single.stderr
    double = run_tool("dist_train.sh", config("two", 3), 2, "--work-dir", "w2", **user_hooks)
    assert double.returncode == 0, double.stderr
    one, two = (torch.load(tmp_path / name, weights_only=True) for name in ("one", "two"))
    assert len(one["losses"]) == 12
    np.testing.assert_allclose(one["losses"], two["losses"], rtol=tolerance)
    scale = one["gradients"].abs().amax(dim=1, keepdim=True)
    assert str(one["gradients"].dtype) == f"torch.{precision}"
    assert float(((one["gradients"] - two["gradients"]) / scale).abs().max()) < tolerance


def test_evaluation_by_two_processes_equals_that_by_one(run_tool, small_config, tmp_path) -> None:
    trained = run_tool("train.py", small_config(), "--work-dir", "w1")
    assert trained.returncode == 0, trained.stderr
    config, checkpoint = tmp_path / "small.py", tmp_path / "w1/epoch_2.pth"
    for tool, arguments, name in (
        ("test.py", (config, checkpoint), "t1"),
        ("dist_test.sh", (config, checkpoint, 2), "t2"),
    ):
        done = run_tool(tool, *arguments, "--work-dir", name)
        assert done.returncode == 0, done.stderr
    assert read_metrics(tmp_path / "t1") == read_metrics(tmp_path / "t2")
