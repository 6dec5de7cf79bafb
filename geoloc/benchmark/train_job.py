"""Train one job in a process of its own, and compute its products.

``python -m geoloc.benchmark.train_job CONFIG RESULT SEED CONFIG_HASH CODE_HASH FINGERPRINT
[PRODUCT ...]``; the run folder is that of the config.
"""

import fcntl
import platform
import resource
import shutil
import sys
import time
from pathlib import Path

import torch

from geoloc.benchmark.job import MARK, RECORD, Key, is_of, product_file
from geoloc.benchmark.product import write_product
from geoloc.command_line import run_command
from geoloc.engine.config import load_config
from geoloc.engine.precision import computes_bfloat16
from geoloc.engine.run import prepare, train
from geoloc.evaluation.results import read_json
from geoloc.whole_files import write_json

TRAINED = "trained.json"  # in the run folder: the checkpoint and the descriptors are of this run
TAKEN = 75  # exit status: another process trains this job (EX_TEMPFAIL of sysexits.h)


def main() -> None:
    """Train, resuming what is there, and write what is known about the run."""
    config, result, seed, key = *map(Path, sys.argv[1:3]), int(sys.argv[3]), Key(*sys.argv[4:7])
    products = sys.argv[7:]
    folder = config.parent
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until the process ends
        except OSError:
            sys.exit(TAKEN)
        _clear(folder, key)
        # A product needs the checkpoint and the descriptors, which are not kept with the results.
        missing = [name for name in products if not is_of(product_file(result, name), key)]
        if not is_of(result / RECORD, key) or (missing and not is_of(folder / TRAINED, key)):
            _train(config, result, seed, key)
        for name in missing:
            cfg = prepare(load_config(config), str(folder), seed=seed)
            write_product(name, folder, result, cfg, key)


def _train(config: Path, result: Path, seed: int, key: Key) -> None:
    folder = config.parent
    resume = "auto" if (folder / "last_checkpoint").is_file() else None
    start = time.perf_counter()
    train(prepare(load_config(config), str(folder), seed=seed), resume)
    record = {
        "key": key._asdict(),
        "seed": seed,
        "wall_s": round(time.perf_counter() - start, 1),
        "resumed": resume is not None,
        "peak_memory_mb": round(peak_memory_mb()),
        "hardware": hardware(),
        "command": f"python tools/train.py {config.name} --seed {seed}",
    }
    write_json(folder / TRAINED, record)
    result.mkdir(parents=True, exist_ok=True)
    if result != folder:
        shutil.copyfile(folder / "metrics.json", result / "metrics.json")
    write_json(result / RECORD, record)  # last: it says that the result is whole


def _clear(folder: Path, key: Key) -> None:
    """Take away what a run with another key left, so that none of it can be resumed."""
    mark = folder / MARK
    if mark.is_file() and read_json(mark) == key._asdict():
        return
    for pattern in ("*.pth", "last_checkpoint", "metrics.json", TRAINED):
        for path in folder.glob(pattern):
            path.unlink()
    write_json(mark, key._asdict())


def peak_memory_mb() -> float:
    """Return the most memory (MB) that this process held, of the GPU if it used one."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def hardware() -> str:
    """Return what the speed and the last digits of a run depend on."""
    gpu = f"{torch.cuda.get_device_name()}, " if torch.cuda.is_available() else ""
    instructions = torch.backends.cpu.get_cpu_capability()
    if computes_bfloat16():
        instructions += " with bfloat16"
    threads = torch.get_num_threads()
    return f"{gpu}{_processor()} ({instructions}), {threads} thread(s), torch {torch.__version__}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    run_command(main)
