"""mmengine's evaluator over the descriptors of all test images."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process
from mmengine.evaluator import BaseMetric
from torch import Tensor

from geoloc.datasets.index import Index
from geoloc.errors import DatasetError
from geoloc.evaluation.results import Results, save_run


class DescriptorMetric(BaseMetric):
    """Collect the descriptors of all test images once, then evaluate them by some protocol.

    Images, coordinates and thresholds come from the dataset's ``metainfo``. Descriptors are put in
    the order of the index whatever process described them; images that a distributed sampler
    repeats to even out the processes count once. Subclasses implement ``measure``.

    Args:
        output_dir: Folder for ``metrics.json``, ``descriptors.npy`` and ``index.csv``; ``None``
            writes nothing. The command lines set it to the work folder.
        config_hash: Written with the metrics. The command lines set it.
    """

    def __init__(self, output_dir: str | None = None, config_hash: str | None = None) -> None:
        super().__init__()
        self.output_dir = output_dir
        self.config_hash = config_hash

    def measure(self, descriptors: Tensor, index: Index, thresholds_m: Sequence[float]) -> Results:
        """Compute the metrics ``{task: {name: value}}``.

        Args:
            descriptors: L2-normalised, float32 ``[n, D]``; row i describes row i of ``index``.
            index: The test images.
            thresholds_m: Distances (m) that bound the relevance levels, ascending; empty where the
                levels come from the index's labels.
        """
        raise TypeError(f"{type(self).__name__} must implement measure()")

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keep the rows and descriptors of one batch, ``predict``'s list of one dict per view."""
        for sample in data_samples:
            rows, descriptors = sample["rows"], sample["descriptors"]
            self.results.append((rows.cpu().numpy(), descriptors.float().cpu().numpy()))

    def evaluate(self, size: int) -> dict[str, float]:
        """Gather all processes' descriptors and compute the metrics, the same on every process.

        Args:
            size: Number of test images.

        Returns:
            ``{'<task>/<metric>': value}``.
        """
        rows = np.concatenate([part[0] for part in self.results])
        descriptors = np.concatenate([part[1] for part in self.results])
        gathered = all_gather_object((rows, descriptors))
        self.results.clear()
        metrics: list[Any] = [None]
        if is_main_process():
            rows = np.concatenate([part[0] for part in gathered])
            unique, first = np.unique(rows, return_index=True)
            if len(unique) != size:
                raise DatasetError(f"{len(unique)} of {size} test images were described")
            metrics = [self.compute(np.concatenate([part[1] for part in gathered])[first])]
        broadcast_object_list(metrics)
        return dict(metrics[0])

    def compute(self, descriptors: np.ndarray) -> dict[str, float]:
        """Evaluate descriptors ``[n, D]`` in index order, and save the run."""
        meta = self.dataset_meta or {}
        index: Index = meta["index"]
        results = self.measure(torch.from_numpy(descriptors), index, meta["thresholds_m"])
        if self.output_dir is not None:
            save_run(
                self.output_dir, results, descriptors, index, meta["protocol"], self.config_hash
            )
        return {
            f"{task}/{name}": value
            for task, values in results.items()
            for name, value in values.items()
        }

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Unused: ``evaluate`` gathers by row instead of by position."""
        raise TypeError(
            f"{type(self).__name__} evaluates through evaluate(), not compute_metrics()"
        )
