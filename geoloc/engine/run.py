"""Train and test from a config: what the command lines call."""

import inspect
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process

from geoloc.datasets.quarantine import LIST as UNREADABLE
from geoloc.datasets.quarantine import read_list
from geoloc.datasets.worker_trace import naming_dead_workers
from geoloc.engine.config import check_config, config_hash
from geoloc.engine.config_shape import check_shape
from geoloc.engine.declarative_config import write_declarative
from geoloc.engine.hooks.before_training import FOLDER as BEFORE_TRAINING
from geoloc.engine.launch import LAUNCH_TIME, init_distributed
from geoloc.engine.precision import enable_amp
from geoloc.engine.resume import newest_whole_checkpoint
from geoloc.engine.run_files import PLAIN_CONFIG
from geoloc.errors import CheckpointError, ConfigError, UnknownTypeError
from geoloc.evaluation.results import format_results, read_intervals, read_metrics
from geoloc.registry import DATASETS, RUNNERS

# Of retrieval, the descriptors; of photos on a globe, the predicted positions.
RESULT_FILES = (
    "metrics.json",
    "per_query.npz",
    "descriptors.npy",
    "predictions.npz",
    "index.csv",
)


def prepare(
    cfg: Config,
    work_dir: str | None = None,
    data_root: str | None = None,
    amp: bool | str | None = None,
    seed: int | None = None,
    launcher: str = "none",
) -> Config:
    """Complete a run config with what is known only at the start of a run, in place.

    Args:
        cfg: From ``load_config``.
        work_dir: Output folder; defaults to the config's, then to ``work_dirs/<config name>``.
        data_root: Folder of the dataset, for all data loaders; defaults to the config's.
        amp: Reduced precision, see ``enable_amp``; defaults to the config's ``amp``.
        seed: Defaults to the config's ``randomness.seed``, then to 0.
        launcher: ``none`` or ``pytorch``.

    Returns:
        ``cfg``.

    Raises:
        ConfigError: If a part of the config is missing or of the wrong kind.
    """
    check_shape(cfg)
    init_distributed(cfg, launcher)
    name = Path(cfg.filename).stem if cfg.filename else "run"
    cfg.work_dir = work_dir or cfg.get("work_dir") or f"work_dirs/{name}"
    cfg.randomness = {"seed": 0, **cfg.get("randomness", {})}
    if seed is not None:
        cfg.randomness.seed = seed
    if precision := cfg.get("amp") if amp is None else amp:
        enable_amp(cfg, precision)
    loaders = (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader)
    sampler = cfg.train_dataloader.sampler
    if sampler.type != "DefaultSampler" and sampler.setdefault(
        "batch_size", cfg.train_dataloader.batch_size
    ) != (cfg.train_dataloader.batch_size):
        raise ConfigError(
            f"train_dataloader.batch_size={cfg.train_dataloader.batch_size} differs from "
            f"train_dataloader.sampler.batch_size={sampler.batch_size}; set only the first"
        )
    images = cfg.train_dataloader.dataset
    if _takes_seed(images.type):
        images.setdefault("seed", cfg.randomness.seed)
    if images.get("max_unreadable"):
        images.unreadable_list = str(Path(cfg.work_dir, UNREADABLE))
    for loader in loaders:
        loader.num_workers = min(loader.num_workers, os.cpu_count() or 1)
        if data_root is not None:
            _set_data_root(loader.dataset, data_root)
    gallery: Any = cfg.model.get("gallery") or {}
    if data_root is not None and "source" in gallery:
        gallery.source.data_root = data_root
    check_config(cfg)
    digest = config_hash(cfg)
    for evaluator in ("val_evaluator", "test_evaluator"):
        cfg[evaluator].update(output_dir=cfg.work_dir, config_hash=digest)
    return cfg


def _takes_seed(dataset: str | type) -> bool:
    """Return whether the items of a dataset are random; those of extracted features are not."""
    found = DATASETS.get(dataset) if isinstance(dataset, str) else dataset
    return found is not None and "seed" in inspect.signature(found).parameters


def _set_data_root(dataset: Any, data_root: str) -> None:
    if "source" not in dataset:
        raise ConfigError(
            f"--data-root: {dataset.type} reads a file of its own; name it with --cfg-options "
            "{train,val,test}_dataloader.dataset.path=PATH"
        )
    dataset.source.data_root = data_root


def train(cfg: Config, resume: str | None = None) -> Path:
    """Train, evaluating as the config says, and print where the results are.

    Processes that are started again after a loss go on from what their launch has written.

    Args:
        cfg: From ``prepare``.
        resume: ``auto`` for the last checkpoint in the work folder, or a checkpoint file.

    Returns:
        The run folder, with ``metrics.json``, ``index.csv``, the descriptors or the predicted
        positions, and checkpoints.
    """
    _limit_threads(cfg)
    folder = Path(cfg.work_dir)
    if began := os.environ.get(LAUNCH_TIME):
        resume = _last_checkpoint(folder, float(began)) or resume
    cfg.load_from = _last_checkpoint(folder) if resume == "auto" else resume
    cfg.resume = cfg.load_from is not None
    keep_config(cfg)
    if not cfg.resume and is_main_process():  # what another run in this folder left out
        Path(cfg.work_dir, UNREADABLE).unlink(missing_ok=True)
    runner = RUNNERS.build(cfg)
    with naming_dead_workers():
        runner.train()
    _finish(folder)
    if is_main_process() and (count := len(read_list(folder / UNREADABLE))):
        print(f"Unreadable images that were left out: {count}, see {folder / UNREADABLE}")
    return folder


def _last_checkpoint(folder: Path, since: float = 0.0) -> str | None:
    """Return the checkpoint to go on from, and say which newer ones are damaged.

    Raises:
        CheckpointError: If there are checkpoints, and none of them is whole.
    """
    whole, damaged = newest_whole_checkpoint(folder, since)
    if damaged and whole is None:
        file, fault = next(iter(damaged.items()))
        raise CheckpointError(
            f"no checkpoint in {folder} is whole, not even {file}: {fault}; to begin from the "
            "start, leave --resume out"
        )
    if is_main_process():
        for file, fault in damaged.items():
            print(f"{file} is not used: {fault}")
        if damaged:
            print(f"going on from {whole}")
    return None if whole is None else str(whole)


def test(cfg: Config, checkpoint: str) -> Path:
    """Describe the test images with a checkpoint, evaluate, and print where the results are.

    Args:
        cfg: From ``prepare``.
        checkpoint: Checkpoint file.

    Returns:
        The run folder.

    Raises:
        CheckpointError: If the file is missing, unsafe or of another model.
    """
    if not Path(checkpoint).expanduser().is_file():
        raise CheckpointError(f"checkpoint {checkpoint} does not exist")
    _limit_threads(cfg)
    cfg.load_from, cfg.resume = checkpoint, False
    keep_config(cfg)
    runner = RUNNERS.build(cfg)
    with naming_dead_workers():
        runner.test()
    return _finish(Path(cfg.work_dir))


def keep_config(cfg: Config) -> None:
    """Write ``config.json`` into the run folder, with which others repeat the run without code.

    A config with classes, or with modules of its own, has none.
    """
    file = Path(cfg.work_dir) / PLAIN_CONFIG
    if is_main_process():
        file.unlink(missing_ok=True)
        with suppress(ConfigError, UnknownTypeError):  # it has classes or imports modules
            write_declarative(cfg, file)


def _limit_threads(cfg: Any) -> None:
    if threads := cfg.get("num_threads"):
        torch.set_num_threads(threads)


def _finish(folder: Path) -> Path:
    if is_main_process() and (folder / "metrics.json").is_file():
        columns = {"result": read_metrics(folder)}
        if (folder / BEFORE_TRAINING / "metrics.json").is_file():
            before = read_metrics(folder / BEFORE_TRAINING)
            columns = {"before training": before, "after training": columns["result"]}
        print(format_results(columns, read_intervals(folder)))
        files = ", ".join(name for name in RESULT_FILES if (folder / name).is_file())
        print(f"Results are in {folder}: {files}")
    return folder
