"""Several processes: how they end, and how they are started again when one is lost."""

import os
import random
import re
import runpy
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

from geoloc.engine.checkpoint import load_local_checkpoint
from geoloc.evaluation.results import load_run, read_metrics
from tests.conftest import ROOT, write_small_config
from tests.tools.conftest import IMPORTS

HOOK = "custom_hooks = [dict(type='BeforeTrainingHook'), dict(type={!r}, {})]\n"
EPOCHS = "train_cfg = dict(max_epochs=3, val_interval=3)\n"  # of three steps of two processes
TOOL = runpy.run_path(str(ROOT / "tools/launch.py"))
# Processes that need no second to begin, which learn from the port which attempt they belong to.
PROCESS = """
import os, signal, sys, time
rank, attempt = int(os.environ["RANK"]), int(os.environ["MASTER_PORT"]) - {port}
os.write(1, f"attempt {{attempt}} of rank {{rank}}\\n".encode())
{body}
"""


def free_ports(count: int = 3) -> int:
    """Return the first of some free ports, below those that Linux gives to whoever asks."""
    while True:
        first = random.SystemRandom().randrange(20_000, 32_000)
        with suppress(OSError):
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first


def launcher(folder: Path, body: str, *options: str, port: int) -> "subprocess.Popen[str]":
    """Start two processes, or with options others, that run a few lines of Python."""
    script = folder / "process.py"
    script.write_text(PROCESS.format(port=port, body=body))
    command = [sys.executable, str(ROOT / "tools/launch.py"), f"--master-port={port}"]
    return subprocess.Popen(
        [*command, "--master-addr=127.0.0.1", "--nproc-per-node=2", *options, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_running(path: Path) -> bool:
    """Return whether a process that names a path is left."""
    return subprocess.run(["pgrep", "-f", str(path)], capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, da_campus: Path) -> Path:
    """Return the run folder of two processes of which none was lost."""
    folder = tmp_path_factory.mktemp("undisturbed")
    config = write_small_config(folder, da_campus, extra=EPOCHS)
    subprocess.run(
        [ROOT / "tools/dist_train.sh", config, "2", "--work-dir", "run"],
        cwd=folder,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "PORT": str(free_ports())},
        check=True,
        capture_output=True,
    )
    return folder / "run"


def assert_equal_runs(one: Path, other: Path) -> None:
    """Assert that two runs left the same, to the bit."""
    for name in (".", "before_training"):
        assert read_metrics(one / name) == read_metrics(other / name)
    np.testing.assert_array_equal(load_run(one)[0], load_run(other)[0])
    first, second = (load_local_checkpoint(str(run / "epoch_3.pth")) for run in (one, other))
    for part in ("state_dict", "optimizer"):
        torch.testing.assert_close(first[part], second[part], rtol=0, atol=0)
    assert first["param_schedulers"] == second["param_schedulers"]


def test_a_lost_process_ends_the_others(run_tool, small_config, tmp_path, user_hooks) -> None:
    config = small_config(extra=IMPORTS + HOOK.format("LostHook", "iterations=[1]"))
    lost = run_tool("dist_train.sh", config, 2, **user_hooks)
    assert lost.returncode == 1
    *_, last = lost.stderr.splitlines()
    assert re.match(
        r"process 1 \(pid \d+\) was killed by SIGKILL .* repeat the command with --resume$", last
    )
    assert not is_running(tmp_path)


@pytest.mark.parametrize("rank", [0, 1])
def test_lost_processes_are_started_again_to_the_same_result(
    run_tool, small_config, tmp_path, user_hooks, undisturbed, rank
) -> None:
    """Lost before the first checkpoint, and at the end of an epoch, before its checkpoint."""
    run = tmp_path / "run"
    run.mkdir()
    for name in ("epoch_3.pth", "last_checkpoint"):  # an earlier run left them
        (run / name).write_text("epoch_3.pth")
        os.utime(run / name, (0, 0))
    extra = EPOCHS + IMPORTS + HOOK.format("LostHook", f"iterations=[1, 5], rank={rank}")
    done = run_tool(
        "dist_train.sh", small_config(extra=extra), 2, "--work-dir", "run",
        MAX_RESTARTS="2", PORT=str(free_ports()), **user_hooks,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = re.findall(r"process (\d) .* was killed by SIGKILL .*; (restart \d of 2) ", done.stderr)
    assert told == [(str(rank), "restart 1 of 2"), (str(rank), "restart 2 of 2")]
    assert sorted(path.name for path in run.glob("lost*")) == ["lost1", "lost5"]
    assert_equal_runs(run, undisturbed)


def test_a_process_lost_on_one_of_two_nodes_is_started_again(
    run_tool, small_config, tmp_path, user_hooks, undisturbed
) -> None:
    extra = EPOCHS + IMPORTS + HOOK.format("LostHook", "iterations=[4]")
    config, port = small_config(extra=extra), str(free_ports())

    def node(rank: int) -> subprocess.CompletedProcess[str]:
        cluster = {"NNODES": "2", "NODE_RANK": str(rank), "PORT": port, "MAX_RESTARTS": "1"}
        return run_tool("dist_train.sh", config, 1, "--work-dir", "run", **cluster, **user_hooks)

    with ThreadPoolExecutor() as nodes:
        first, second = nodes.map(node, range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "process 0 (pid " in first.stderr
    assert "process 1 (pid " in second.stderr
    assert all("restart 1 of 1" in done.stderr for done in (first, second))
    assert_equal_runs(tmp_path / "run", undisturbed)


def test_a_mistake_is_not_repeated(run_tool, small_config, user_hooks) -> None:
    """Also one that only a process makes, which the others fail of as of a loss."""
    config = small_config(extra=IMPORTS + HOOK.format("MistakeHook", ""))
    done = run_tool("dist_train.sh", config, 2, MAX_RESTARTS="3", **user_hooks)
    assert done.returncode == 1
    assert "restart " not in done.stderr
    assert done.stderr.count("error: a mistake") == 1
    assert re.match(r"process 1 \(pid \d+\) ended .*", done.stderr.splitlines()[-1])


def test_restarts_are_counted(tmp_path: Path) -> None:
    run = launcher(
        tmp_path,
        "if rank == 1: os.kill(os.getpid(), signal.SIGKILL)\ntime.sleep(60)",
        "--max-restarts=2",
        port=free_ports(),
    )
    output, errors = run.communicate(timeout=60)
    assert run.returncode == 1
    own = [line for line in output.splitlines() if line.endswith("rank 1")]
    assert own == [f"attempt {number} of rank 1" for number in range(3)]
    assert re.findall(r"restart (\d) of 2", errors) == ["1", "2"]
    assert errors.splitlines()[-1].endswith("repeat the command with --resume")


def test_the_process_that_was_lost_is_told_from_those_that_it_took_along(tmp_path: Path) -> None:
    message = tmp_path / "error.json"
    message.write_text('{"message": "ConfigError: a mistake", "timestamp": 8}')

    def first(*failures: tuple[int, int, str]) -> str:
        by_rank = {}
        for rank, (status, timestamp, file) in enumerate(failures):
            by_rank[rank] = ProcessFailure(rank, 7, status, file)
            by_rank[rank].timestamp = timestamp
        return TOOL["sentence"](*TOOL["first_failure"](by_rank))

    assert first((1, 8, ""), (-9, 8, "")).startswith("process 1 (pid 7) was killed by SIGKILL")
    assert first((-15, 8, ""), (1, 8, "")).startswith("process 1 (pid 7) ended with status 1;")
    assert first((-15, 8, ""), (-11, 8, "")).startswith("process 1 (pid 7) was killed by SIGSEGV")
    assert first((1, 9, ""), (-9, 8, ""), (-6, 7, "")).startswith("process 2 (pid 7)")
    ended = first((1, 8, ""), (-15, 8, str(message)))
    assert ended == "process 1 (pid 7) ended; its message is above"


def test_a_process_that_is_left_is_seen() -> None:
    code = (
        f"import runpy, subprocess\ntool = runpy.run_path({str(ROOT / 'tools/launch.py')!r})\n"
        "seen = [tool['has_children']()]\nchild = subprocess.Popen(['sleep', '60'])\n"
        "seen.append(tool['has_children']())\nchild.kill()\nchild.wait()\n"
        "print(*seen, tool['has_children']())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False True False\n", done.stderr


def test_what_is_left_of_an_attempt_cannot_be_met(tmp_path: Path) -> None:
    """Processes of another node would wait for the lost ones as long as their store listens."""
    port = free_ports()
    body = f"""
import socket
if attempt == 0: sys.exit(3)
sys.exit(socket.socket().connect_ex(("127.0.0.1", {port})) == 0)
"""
    run = launcher(tmp_path, body, "--max-restarts=1", port=port)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 0, errors
    assert re.search(r"process \d \(pid \d+\) ended with status 3; .*; restart 1 of 1", errors)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_launcher_ends_everything(tmp_path: Path, number: signal.Signals) -> None:
    run = launcher(tmp_path, "time.sleep(60)", "--max-restarts=3", port=free_ports())
    assert run.stdout is not None
    assert "attempt 0" in run.stdout.readline()
    time.sleep(0.3)
    run.send_signal(number)
    _, errors = run.communicate(timeout=20)
    assert run.returncode == 1
    assert errors.splitlines()[-1].startswith(f"stopped by {number.name}; to go on")
    assert not is_running(tmp_path)


def test_a_node_says_that_the_others_do_not_come(tmp_path: Path) -> None:
    port = free_ports()
    node = ("--nnodes=2", "--node-rank=0", "--rdzv-conf=timeout=2")
    run = launcher(tmp_path, "", *node, port=port)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 1
    assert errors.splitlines()[-1].startswith(
        f"node 0 did not meet the others at 127.0.0.1:{port}: "
    )


def test_a_node_that_waits_for_the_others_again_can_be_stopped(tmp_path: Path) -> None:
    port = free_ports()
    body = "sys.exit(rank == 0)"
    options = ("--nproc-per-node=1", "--nnodes=2", "--max-restarts=1")
    first, second = (
        launcher(tmp_path, body, f"--node-rank={rank}", *options, port=port) for rank in range(2)
    )
    assert second.wait(timeout=60) == 0
    assert first.stderr is not None
    while "restart 1 of 1" not in first.stderr.readline():
        assert first.poll() is None
    time.sleep(1)
    first.terminate()
    first.communicate(timeout=10)
    assert first.returncode == -signal.SIGTERM


def test_processes_end_with_their_launcher(run_tool, small_config, user_hooks) -> None:
    config = small_config(extra=IMPORTS + "custom_hooks = [dict(type='KillLauncherHook')]\n")
    killed = run_tool("dist_train.sh", config, 2, **user_hooks)
    assert killed.returncode == -9  # and the processes, which hold its output open, are gone


def test_a_process_whose_launcher_has_died_does_not_begin(run_tool, small_config) -> None:
    environment = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "GEOLOC_LAUNCHER": "1"}
    late = run_tool("train.py", small_config(), "--launcher", "pytorch", **environment)
    assert late.returncode == 1
    assert late.stderr.splitlines()[-1] == "the launcher of this process has died"
