"""mmengine's evaluator over the descriptors of all test images."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_gather_object, is_main_process
from mmengine.evaluator import BaseMetric
from torch import Tensor

from geoloc.datasets.index import Index
from geoloc.errors import ConfigError, DatasetError
from geoloc.evaluation.bootstrap import check_resample
from geoloc.evaluation.pairwise_distance import PairwiseDistance
from geoloc.evaluation.rerank.rerankers import Reranker
from geoloc.evaluation.results import save_run
from geoloc.evaluation.task_result import TaskResult
from geoloc.registry import RERANKERS, SIMILARITIES


class DescriptorMetric(BaseMetric):
    """Collect the descriptors of all test images once, then evaluate them by some protocol.

    Images, coordinates and thresholds come from the dataset's ``metainfo``. Descriptors are put in
    the order of the index whatever process described them; images that a distributed sampler
    repeats to even out the processes count once. Every process then ranks a share of the queries.
    Subclasses implement ``measure_ranking``.

    Args:
        similarity: Config of a ``SIMILARITIES`` entry, by which every task is ranked instead of by
            inner products; that of the model.
        rerank: Config of a ``RERANKERS`` entry, e.g. ``dict(type='MSRerank')``: every task is
            evaluated a second time with its distances, as ``<task> [MSRerank]``. Also several of
            them, of different types.
        resample: What the bootstrap of the intervals draws, ``place`` or ``query``; see
            ``evaluate_retrieval``.
        output_dir: Folder for the files of ``save_run``; ``None`` writes nothing. The command lines
            set it to the work folder.
        config_hash: Written with the metrics. The command lines set it.

    Raises:
        ConfigError: If ``resample`` is unknown, a type of re-ranking comes twice, or one comes with
            a similarity.
    """

    default_prefix = ""  # names of metrics begin with their task; None would warn

    def __init__(
        self,
        similarity: Mapping[str, Any] | None = None,
        rerank: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        resample: str = "place",
        output_dir: str | None = None,
        config_hash: str | None = None,
    ) -> None:
        super().__init__()
        check_resample(resample)
        if similarity is not None and rerank:
            raise ConfigError(
                "rerank compares by cosine; leave out it or the evaluator's similarity"
            )
        self.distance = (
            None if similarity is None else PairwiseDistance(SIMILARITIES.build(dict(similarity)))
        )
        self.rerankers: dict[str, Reranker] = {}
        for config in [rerank] if isinstance(rerank, Mapping) else rerank or ():
            reranker = RERANKERS.build(dict(config))
            name = type(reranker).__name__
            if name in self.rerankers:
                raise ConfigError(f"rerank: {name} comes twice; the results would share a name")
            self.rerankers[name] = reranker
        self.resample = resample
        self.output_dir = output_dir
        self.config_hash = config_hash

    def measure(
        self, descriptors: Tensor, index: Index, thresholds_m: Sequence[float]
    ) -> dict[str, TaskResult]:
        """Evaluate every task, with the configured re-ranking too.

        Every process of a distributed run must call this with the same arguments.

        Args:
            descriptors: L2-normalised, float32 ``[n, D]``; row i describes row i of ``index``.
            index: The test images.
            thresholds_m: Distances (m) that bound the relevance levels, ascending; empty where the
                levels come from the index's labels.

        Returns:
            The results per task, the same on every process.
        """
        results = self.measure_ranking(descriptors, index, thresholds_m, self.distance)
        for name, reranker in self.rerankers.items():
            reranked = self.measure_ranking(descriptors, index, thresholds_m, reranker)
            results |= {f"{task} [{name}]": result for task, result in reranked.items()}
        return results

    def measure_ranking(
        self,
        descriptors: Tensor,
        index: Index,
        thresholds_m: Sequence[float],
        reranker: Reranker | None = None,
    ) -> dict[str, TaskResult]:
        """Evaluate every task by one ranking.

        Args:
            descriptors: As in ``measure``.
            index: As in ``measure``.
            thresholds_m: As in ``measure``.
            reranker: Gives the distances to rank by, instead of the descriptors themselves.
        """
        raise TypeError(f"{type(self).__name__} must implement measure_ranking()")

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
        own = [np.concatenate(parts) for parts in zip(*self.results, strict=True)]
        self.results.clear()
        gathered = all_gather_object(own)
        rows, descriptors = (np.concatenate(parts) for parts in zip(*gathered, strict=True))
        unique, first = np.unique(rows, return_index=True)
        if len(unique) != size:
            raise DatasetError(f"{len(unique)} of {size} test images were described")
        return self.compute(descriptors[first])

    def compute(self, descriptors: np.ndarray) -> dict[str, float]:
        """Evaluate descriptors ``[n, D]`` in index order; the main process saves the run."""
        meta = self.dataset_meta or {}
        index: Index = meta["index"]
        results = self.measure(torch.from_numpy(descriptors), index, meta["thresholds_m"])
        if self.output_dir is not None and is_main_process():
            save_run(
                self.output_dir, results, descriptors, index, meta["protocol"], self.config_hash
            )
        return {
            f"{task}/{name}": value
            for task, result in results.items()
            for name, value in result.metrics.items()
        }

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Unused: ``evaluate`` gathers by row instead of by position."""
        raise TypeError(
            f"{type(self).__name__} evaluates through evaluate(), not compute_metrics()"
        )
