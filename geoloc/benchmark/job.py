"""One run of a benchmark: where it lies, and whether it is done."""

import copy
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from geoloc.engine.run import prepare
from geoloc.evaluation.results import read_json

RECORD = "run.json"
MARK = "key.json"  # in a run folder: what its checkpoints belong to


class Key(NamedTuple):
    """What a result depends on.

    Attributes:
        config: Hash of the completed config, the seed included.
        code: ``code_hash``.
        data: Fingerprint of the dataset.
    """

    config: str
    code: str
    data: str


class Job(NamedTuple):
    """One run.

    Attributes:
        name: Name of the method's runs.
        seed: Its seed.
        folder: Its run folder, with logs and checkpoints.
        result: Folder of what tables are made from, ``metrics.json`` and ``run.json``; a few
            kilobytes that can be kept when the run folder is gone.
        cfg: Its config, not completed.
        key: What its result depends on.
        epochs: How many it trains.
        products: What is computed from it beside the metrics (see ``product.py``).
    """

    name: str
    seed: int
    folder: Path
    result: Path
    cfg: Config
    key: Key
    epochs: int
    products: tuple[str, ...] = ()

    def is_done(self) -> bool:
        """Return whether there is a result of exactly this key, with all products."""
        files = [self.result / RECORD, *(product_file(self.result, name) for name in self.products)]
        return all(is_of(file, self.key) for file in files)

    def forget(self) -> None:
        """Let the run begin anew, whatever is there of it."""
        for file in (self.folder / MARK, self.folder / RECORD, self.result / RECORD):
            file.unlink(missing_ok=True)

    def write_config(self) -> Path:
        """Write the config for the process that trains; return its path."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"config_{self.key.config}.py"
        self.cfg.dump(str(path))
        return path


def product_file(result: Path, name: str) -> Path:
    """Return the file of a product."""
    return result / f"{name}.json"


def is_of(file: Path, key: Key) -> bool:
    """Return whether a file is there and belongs to a key."""
    return file.is_file() and read_json(file).get("key") == key._asdict()


def make_job(name: str, seed: int, folder: Path, cfg: Config, data: str, code: str) -> Job:
    """Return the job of a config, with the result in its run folder.

    Args:
        name: Name of the method's runs.
        seed: Its seed.
        folder: Run folder.
        cfg: Its config, not completed.
        data: Fingerprint of its dataset.
        code: ``code_hash``.
    """
    completed: Any = prepare(copy.deepcopy(cfg), str(folder), seed=seed)
    config = completed.test_evaluator.config_hash
    return Job(name, seed, folder, folder, cfg, Key(config, code, data), cfg.train_cfg.max_epochs)
