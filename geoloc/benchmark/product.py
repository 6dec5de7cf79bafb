"""What is computed from a finished run beside its metrics, for the figures of a suite."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from geoloc.analysis.distance_curves import distance_curves
from geoloc.analysis.position_shift import position_shifts
from geoloc.benchmark.job import Key, product_file
from geoloc.engine.run import test
from geoloc.evaluation.results import load_run, read_metrics
from geoloc.whole_files import write_whole

TRANSFER = "transfer"
TEST_SPLIT = "test_split"


def distance(folder: Path, cfg: Config) -> dict[str, Any]:
    """Return the test results of a run against distance, per task."""
    descriptors, index, content = load_run(folder)
    thresholds_m = content["protocol"]["thresholds_m"]
    tasks = [key for key in content if "->" in key and "[" not in key]
    return {
        task: distance_curves(torch.from_numpy(descriptors), index, thresholds_m, task)._asdict()
        for task in tasks
    }


def position_shift(folder: Path, cfg: Config) -> list[dict[str, Any]]:
    """Return what re-ranking moves among the training images, at every k1 of MSRerank."""
    reranker = next(each for each in cfg.test_evaluator.rerank if each["type"] == "MSRerank")
    options = {name: reranker[name] for name in ("k2", "lam") if name in reranker}
    k1_list = sorted(set(reranker["k1_list"]))
    cfg.work_dir = str(folder / "train_split")
    cfg.test_evaluator.update(output_dir=cfg.work_dir, rerank=None)
    cfg.test_dataloader.dataset.split = "train"
    test(cfg, str(folder / f"epoch_{cfg.train_cfg.max_epochs}.pth"))
    descriptors, _, _ = load_run(cfg.work_dir)
    shifts = position_shifts(torch.from_numpy(descriptors), k1_list, **options)
    return [shift._asdict() for shift in shifts]


def transfer(folder: Path, cfg: Config) -> dict[str, float]:
    """Return the metrics of a run's only task on the data of ``cfg.transfer_dataset``."""
    cfg.test_dataloader.dataset = cfg.transfer_dataset
    return _evaluate(folder, cfg, TRANSFER)


def held_out(folder: Path, cfg: Config) -> dict[str, float]:
    """Return the metrics of a run's only task on the test data of its config, by its protocol."""
    return _evaluate(folder, cfg, TEST_SPLIT)


def _evaluate(folder: Path, cfg: Config, name: str) -> dict[str, float]:
    cfg.work_dir = str(folder / name)
    cfg.test_evaluator.update(output_dir=cfg.work_dir)
    test(cfg, str(folder / f"epoch_{cfg.train_cfg.max_epochs}.pth"))
    (metrics,) = read_metrics(cfg.work_dir).values()
    return metrics


PRODUCTS: Mapping[str, Callable[[Path, Config], Any]] = {
    "distance": distance,
    "position_shift": position_shift,
    TRANSFER: transfer,
    TEST_SPLIT: held_out,
}
# What a table shows of a run like a task in its metrics.
AS_TASKS = (TRANSFER, TEST_SPLIT)


def products_of(cfg: Config, products: Sequence[str]) -> tuple[str, ...]:
    """Return those of some products that a run has.

    That is all of them, but for the test split where validation already is by the test data.

    Args:
        cfg: Config of the run.
        products: Names in ``PRODUCTS``.
    """
    no_other = cfg.test_dataloader.dataset == cfg.val_dataloader.dataset
    return tuple(name for name in products if not (name == TEST_SPLIT and no_other))


def write_product(name: str, folder: Path, result: Path, cfg: Config, key: Key) -> None:
    """Compute a product and write it in one step, with the key of the run.

    Args:
        name: One of ``PRODUCTS``.
        folder: Run folder, with descriptors and checkpoint.
        result: Folder of the results.
        cfg: Completed config of the run; changed.
        key: What the run depends on.
    """
    file = product_file(result, name)
    content = {"key": key._asdict(), "content": PRODUCTS[name](folder, cfg)}
    write_whole(file, json.dumps(content, allow_nan=False) + "\n")
