"""Kill runs with SIGKILL at random moments, resume them, and compare with ones left alone.

    python benchmarks/torture.py --runs 30

One kind of run after the other is started as a user would start it, killed with all its processes,
started again by the command that its documentation names, killed again once or twice, and at last
left to end. Of some runs one process is killed, and MAX_RESTARTS lets them go on by themselves.
What a run leaves must be what an undisturbed one leaves, to the bit: metrics, weights, optimiser,
descriptors, rendered images, tables.

Results are appended to ``torture.jsonl`` in the output folder, and a repeated call goes on there.
The exit status is 1 if any run ended otherwise.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from geoloc.array_files import read_array
from geoloc.engine.checkpoint import load_local_checkpoint

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "configs/_tutorial/dycl_r18_small.py"
WORLD = "world"
SUBJECT = "run"  # one folder for all: configs name the place of start weights
POLL_S = 0.002
TIMEOUT_S = 1800
MOST_KILLS = 3
TRAIN = [
    *(sys.executable, str(ROOT / "tools/train.py"), str(CONFIG), "--work-dir", "{folder}"),
    *("--cfg-options", "train_cfg.max_epochs=3", "train_cfg.val_interval=1"),
    *("param_scheduler.T_max=3", "default_hooks.checkpoint.within_epoch=2", "num_threads=1"),
    *(f"{part}_dataloader.dataset.source.data_root={WORLD}" for part in ("train", "val", "test")),
]
TWO_PROCESSES = ["bash", str(ROOT / "tools/dist_train.sh"), TRAIN[2], "2", *TRAIN[3:]]
RENDER = [
    *(sys.executable, str(ROOT / "tools/make_campusworld.py"), "{folder}"),
    *("--places", "60", "30", "--views", "2", "--image-size", "96"),
]
BENCHMARK = [
    *(sys.executable, str(ROOT / "tools/benchmark.py"), "dycl-table2", "--jobs", "2"),
    *("--methods", "infonce", "triplet", "--out", "{folder}"),
]

Moment = Callable[[Path, float, random.Random], Callable[[], bool]]


def any_time(folder: Path, whole_s: float, draw: random.Random) -> Callable[[], bool]:
    """Return whether a moment drawn evenly from the time of a whole run has come."""
    end = time.monotonic() + draw.uniform(0.0, whole_s)
    return lambda: time.monotonic() >= end


def while_writing(folder: Path, whole_s: float, draw: random.Random) -> Callable[[], bool]:
    """Return whether one of the first checkpoints is being written."""
    skip = draw.randrange(6)
    seen: set[str] = set()

    def now() -> bool:
        for part in folder.glob("*.pth.part"):
            seen.add(f"{part.name} beside {sorted(os.listdir(folder))}")
        return len(seen) > skip

    return now


def while_evaluating(folder: Path, whole_s: float, draw: random.Random) -> Callable[[], bool]:
    """Return whether the evaluation after an epoch has begun: its checkpoint has just come."""
    wanted = folder / f"epoch_{draw.randint(1, 3)}.pth"
    delay, began = draw.uniform(0.0, 1.0), [0.0]

    def now() -> bool:
        if not began[0] and wanted.exists():
            began[0] = time.monotonic()
        return bool(began[0]) and time.monotonic() >= began[0] + delay

    return now


@dataclass(frozen=True)
class Kind:
    """A kind of run.

    Attributes:
        command: ``{folder}`` stands for its output folder.
        again: What is added to go on.
        moment: When it is killed.
        content: Reads what must be equal from its folder.
        loses_one: Whether one of its processes is killed instead of all; it goes on by itself.
    """

    command: list[str]
    again: list[str]
    moment: Moment
    content: Callable[[Path], Mapping[str, Any]]
    loses_one: bool = False


def run_content(folder: Path) -> dict[str, Any]:
    """Return what a training leaves."""
    content: dict[str, Any] = {
        name: json.loads((folder / name).read_text())
        for name in ("metrics.json", "before_training/metrics.json")
    }
    checkpoint = load_local_checkpoint(str(folder / "epoch_3.pth"))
    for name in ("state_dict", "optimizer", "param_schedulers"):
        content[name] = digest(checkpoint[name])
    content["descriptors"] = digest(torch.from_numpy(read_array(folder / "descriptors.npy")))
    content["files"] = sorted(path.name for path in folder.glob("*.pth"))
    return content


def rendered_content(folder: Path) -> dict[str, str]:
    """Return the checksums of all files of a world."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def benchmark_content(folder: Path) -> dict[str, Any]:
    """Return the metrics of all runs, and the tables, of a benchmark."""
    content: dict[str, Any] = {}
    for file in sorted(folder.rglob("metrics.json")):
        content[str(file.relative_to(folder))] = json.loads(file.read_text())
    for file in sorted(folder.rglob("table.*")):
        content[str(file.relative_to(folder))] = file.read_text()
    return content


def digest(value: Any) -> str:
    """Return a checksum of tensors, numbers and containers of them."""
    checksum = hashlib.sha256()

    def add(part: Any) -> None:
        if isinstance(part, torch.Tensor):
            checksum.update(str((part.dtype, part.shape)).encode())
            checksum.update(part.contiguous().numpy().tobytes())
        elif isinstance(part, Mapping):
            for name in sorted(part, key=str):
                checksum.update(str(name).encode())
                add(part[name])
        elif isinstance(part, (list, tuple)):
            for item in part:
                add(item)
        else:
            checksum.update(repr(part).encode())

    add(value)
    return checksum.hexdigest()


KINDS = {
    "training": Kind(TRAIN, ["--resume"], any_time, run_content),
    "training, while writing": Kind(TRAIN, ["--resume"], while_writing, run_content),
    "training, while evaluating": Kind(TRAIN, ["--resume"], while_evaluating, run_content),
    "two processes": Kind(TWO_PROCESSES, ["--resume"], any_time, run_content),
    "one of two processes": Kind(TWO_PROCESSES, [], any_time, run_content, loses_one=True),
    "renderer": Kind(RENDER, [], any_time, rendered_content),
    "benchmark": Kind(BENCHMARK, [], any_time, benchmark_content),
}
# of ten runs
ORDER = [
    *("training", "training, while writing", "training, while evaluating", "renderer"),
    *("one of two processes", "training, while writing", "two processes"),
    *("training, while evaluating", "renderer", "benchmark"),
]


def start(kind: Kind, folder: Path, log: Path, extra: list[str]) -> "subprocess.Popen[bytes]":
    """Start a run in a process group of its own."""
    command = [part.replace("{folder}", str(folder)) for part in kind.command]
    place = command.index("--cfg-options") if "--cfg-options" in command else len(command)
    command[place:place] = extra
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    environment["MAX_RESTARTS"] = str(MOST_KILLS if kind.loses_one else 0)
    with log.open("ab") as stream:
        stream.write(f"$ {' '.join(command)}\n".encode())
        stream.flush()
        return subprocess.Popen(
            command,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            env=environment,
            cwd=folder.parent,
        )


def finish(kind: Kind, folder: Path, log: Path, extra: list[str]) -> float:
    """Run to the end and return the seconds it took.

    Raises:
        RuntimeError: If it fails.
    """
    began = time.monotonic()
    status = start(kind, folder, log, extra).wait(TIMEOUT_S)
    if status != 0:
        raise RuntimeError(f"status {status}, see {log}")
    return time.monotonic() - began


def kill_all(
    kind: Kind, folder: Path, log: Path, whole_s: float, draw: random.Random
) -> list[float]:
    """Start a run, kill it with all its processes, and again; return after how many seconds."""
    killed: list[float] = []
    wanted = draw.randint(1, MOST_KILLS)
    while len(killed) < wanted:
        began = time.monotonic()
        process = start(kind, folder, log, kind.again if killed else [])
        if wait_for(process, kind.moment(folder, whole_s, draw)):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed.append(round(time.monotonic() - began, 2))
        elif killed:
            break
        else:  # it was faster than its moment
            shutil.rmtree(folder)
    return killed


def lose_one(
    kind: Kind, folder: Path, log: Path, whole_s: float, draw: random.Random
) -> list[float]:
    """Start a run, kill one of its processes, and again; return when, and let the run end."""
    killed: list[float] = []
    began = time.monotonic()
    process = start(kind, folder, log, [])
    for _ in range(draw.randint(1, MOST_KILLS)):
        if wait_for(process, kind.moment(folder, whole_s, draw)) and (victims := children(process)):
            os.kill(draw.choice(victims), signal.SIGKILL)
            killed.append(round(time.monotonic() - began, 2))
    if (status := process.wait(TIMEOUT_S)) != 0:
        raise RuntimeError(f"status {status}, see {log}")
    return killed


def wait_for(process: "subprocess.Popen[bytes]", is_time: Callable[[], bool]) -> bool:
    """Wait for a moment; return False if the run has ended before."""
    while process.poll() is None and not is_time():
        time.sleep(POLL_S)
    return process.poll() is None


def children(process: "subprocess.Popen[bytes]") -> list[int]:
    """Return the processes that a running one has started and not yet lost (Linux)."""
    file = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in file.read_text().split()]


def torture(
    name: str, number: int, out: Path, reference: tuple[Mapping[str, Any], float]
) -> dict[str, Any]:
    """Kill and resume one run, and compare it.

    Args:
        name: Its kind.
        number: Seeds the moments.
        out: Folder for it.
        reference: What an undisturbed run left, and its seconds.
    """
    kind, (expected, whole_s) = KINDS[name], reference
    draw = random.Random(number)
    folder, log = out / SUBJECT, out / f"run{number:02d}.log"
    shutil.rmtree(folder, ignore_errors=True)
    log.unlink(missing_ok=True)
    record: dict[str, Any] = {"run": number, "kind": name, "killed_after_s": []}
    try:
        disturb = lose_one if kind.loses_one else kill_all
        record["killed_after_s"] = killed = disturb(kind, folder, log, whole_s, draw)
        if not kind.loses_one:
            finish(kind, folder, log, kind.again if killed else [])
        found = kind.content(folder)
        differing = sorted(
            key for key in {*expected, *found} if expected.get(key) != found.get(key)
        )
        record |= {"equal": not differing, "differing": differing}
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        record |= {"equal": False, "error": str(error)}
    if not record["equal"]:
        shutil.copytree(folder, out / f"run{number:02d}", dirs_exist_ok=True)
    shutil.rmtree(folder)
    return record


def main() -> None:
    """Torture, print a line per run, and end with status 1 if any differed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path("work_dirs/torture"))
    arguments = parser.parse_args()
    out: Path = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    results = out / "torture.jsonl"
    done = [json.loads(line) for line in results.open()] if results.is_file() else []
    references: dict[str, tuple[Mapping[str, Any], float]] = {}
    for number in range(len(done), arguments.runs):
        name = ORDER[number % len(ORDER)]
        same = json.dumps(KINDS[name].command)
        if same not in references:
            folder = out / SUBJECT
            shutil.rmtree(folder, ignore_errors=True)
            finish(KINDS[name], folder, out / "undisturbed.log", [])  # renders what it needs
            shutil.rmtree(folder)
            seconds = finish(KINDS[name], folder, out / "undisturbed.log", [])
            references[same] = KINDS[name].content(folder), seconds
            shutil.rmtree(folder)
        record = torture(name, number, out, references[same])
        done.append(record)
        with results.open("a") as stream:
            stream.write(json.dumps(record) + "\n")
        print(json.dumps(record), flush=True)
    equal = sum(record["equal"] for record in done)
    kills = sum(len(record["killed_after_s"]) for record in done)
    print(f"{equal} of {len(done)} runs ended as if never killed, after {kills} kills")
    sys.exit(equal < len(done))


if __name__ == "__main__":
    main()
