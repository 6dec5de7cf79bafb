"""What a run folder holds, as far as it is there."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from geoloc.analysis.queries import Query, describe_queries
from geoloc.array_files import ArrayFault, read_array, read_arrays
from geoloc.datasets.index import Index
from geoloc.datasets.place_levels import place_levels
from geoloc.engine.run_files import config_of_run
from geoloc.errors import DatasetError, DatasetNotFoundError, GeolocError
from geoloc.evaluation.results import FACTS, read_json
from geoloc.visualization.training_curves import read_scalars

ORDERS = ("H-AP", "AP", "mAP")  # what the worst queries are lowest in, the first that there is


@dataclass(frozen=True)
class RunFolder:
    """The files of a run; what is missing is empty.

    Attributes:
        folder: Of the run.
        content: Of ``metrics.json``.
        index: The test images; None without ``index.csv``.
        descriptors: float32 ``[n, D]``; None without ``descriptors.npy``.
        per_query: Arrays of ``per_query.npz``.
        config: Text of the whole config; empty without.
        scalars: Records of the training.
        depth: Results to tell of every query.
    """

    folder: Path
    content: Mapping[str, Any] = field(default_factory=dict)
    index: Index | None = None
    descriptors: NDArray[np.float32] | None = None
    per_query: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    config: str = ""
    scalars: list[dict[str, Any]] = field(default_factory=list)
    depth: int = 5

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """The metrics per task."""
        return {key: value for key, value in self.content.items() if key not in FACTS}

    @property
    def thresholds_m(self) -> list[float]:
        """Bounds of the levels in metres."""
        return list(self.content.get("protocol", {}).get("thresholds_m", ()))

    @property
    def mixed(self) -> str:
        """Why the descriptors and the index do not belong together; empty if they do."""
        if self.index is None or self.descriptors is None:
            return ""
        if len(self.index) == len(self.descriptors):
            return ""
        return (
            f"descriptors.npy has {len(self.descriptors)} rows and index.csv {len(self.index)}: "
            "they are of different evaluations; evaluate the run again."
        )

    @cached_property
    def highest(self) -> int:
        """The highest level."""
        assert self.index is not None
        return place_levels(self.index, self.thresholds_m).highest

    @cached_property
    def queries(self) -> dict[str, list[Query]]:
        """Every query by task, without those of re-ranked tasks and of other protocols."""
        if self.index is None or self.descriptors is None or self.mixed:
            return {}
        found = {}
        for task in self.metrics:
            if "->" not in task or "[" in task:
                continue
            try:
                found[task] = describe_queries(
                    torch.from_numpy(self.descriptors),
                    self.index,
                    self.thresholds_m,
                    task,
                    self._values(task),
                    self.depth,
                )
            except (GeolocError, IndexError):  # files of different evaluations, or other levels
                continue
        return found

    @property
    def why_no_queries(self) -> str:
        """Why single queries cannot be shown; empty if they can."""
        if self.queries:
            return ""
        files = ("metrics.json", "index.csv", "descriptors.npy")
        missing = [name for name in files if not (self.folder / name).is_file()]
        if missing:
            return f"{self.folder} has no {', no '.join(missing)}; evaluate the run again."
        return self.mixed or (
            "Single queries are told of tasks such as drone->satellite, and there is none."
        )

    @property
    def why_no_pictures(self) -> str:
        """Why the pictures of single queries cannot be shown; empty if they can."""
        if reason := self.why_no_queries:
            return reason
        assert self.index is not None
        first = self.index.file(next(iter(self.queries.values()))[0].row)
        if first.is_file():
            return ""
        return (
            f"There are no pictures, for there is no file {first}; name the folder of the images "
            "with --root DIR."
        )

    def worst_first(self, task: str) -> list[Query]:
        """Return the queries of a task, the worst first; those without a value come last."""
        queries = self.queries[task]
        order = self.order(task)
        if order is None:  # not found at all is worse than any rank
            return sorted(queries, key=lambda query: -(query.rank or np.inf))
        return sorted(queries, key=lambda query: np.nan_to_num(query.values[order], nan=np.inf))

    def order(self, task: str) -> str | None:
        """Return the metric that tells how bad a query is; None for the rank of its place."""
        values = self.queries[task][0].values
        return next((name for name in ORDERS if name in values), None)

    def errors_m(self, task: str) -> NDArray[np.float64]:
        """Return how far the first result of every query is off, in metres ``[Q]``, or ``[0]``."""
        distances = [query.first[0].distance_m for query in self.queries[task] if query.first]
        return np.array([each for each in distances if each is not None], dtype=np.float64)

    def _values(self, task: str) -> dict[str, NDArray[np.float64]]:
        names = {name: f"{task}/{name}" for name in (*ORDERS, "error_m")}
        return {name: self.per_query[key] for name, key in names.items() if key in self.per_query}


def read_run(work_dir: str | Path, root: str | Path | None = None, depth: int = 5) -> RunFolder:
    """Read a run folder, whichever files it holds.

    Args:
        work_dir: The folder.
        root: Folder of the images; by default the one that the config names.
        depth: Results to tell of every query.

    Raises:
        DatasetNotFoundError: If there is no such folder.
        DatasetError: If it holds nothing of a run, or a file cannot be read.
    """
    folder = Path(work_dir)
    if not folder.is_dir():
        raise DatasetNotFoundError(f"there is no run folder {folder}")
    config = _config_text(folder)
    run = RunFolder(folder, config=config, scalars=read_scalars(folder), depth=depth)
    if (folder / "metrics.json").is_file():
        run = replace(run, content=read_json(folder / "metrics.json"))
    if (folder / "index.csv").is_file():
        images = root if root is not None else data_root(config)
        run = replace(run, index=Index.read_csv(folder / "index.csv", images))
    try:
        if (folder / "descriptors.npy").is_file():
            array = read_array(folder / "descriptors.npy")
            run = replace(run, descriptors=array.astype(np.float32, copy=False))
        if (folder / "per_query.npz").is_file():
            run = replace(run, per_query=read_arrays(folder / "per_query.npz"))
    except ArrayFault as error:
        raise DatasetError(f"{folder}: an array cannot be read: {error}") from error
    if not (run.content or run.index or run.config or run.scalars):
        raise DatasetError(
            f"{folder} is no run folder: it holds no metrics.json, no index.csv, no config and "
            "no vis_data/scalars.json; name the --work-dir of a training"
        )
    return run


def _config_text(folder: Path) -> str:
    file = config_of_run(folder)
    return "" if file is None else file.read_text(encoding="utf-8")


def data_root(config: str) -> Path | None:
    """Return the test images' folder that a config names, without running the config."""
    try:
        tree = ast.parse(config)
    except SyntaxError:
        return None
    for statement in tree.body:
        if not isinstance(statement, ast.Assign):
            continue
        names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
        if "test_dataloader" not in names:
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.keyword) and node.arg == "data_root":
                return _text(node.value)
    return None


def _text(node: ast.expr) -> Path | None:
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return Path(node.value) if is_text else None  # type: ignore[attr-defined]
