"""The files that a run of global localization leaves behind."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoloc.array_files import ArrayFault, read_arrays
from geoloc.datasets.index import Index
from geoloc.errors import DatasetError
from geoloc.evaluation.results import facts_of, metrics_of, whole_run
from geoloc.evaluation.task_result import TaskResult
from geoloc.whole_files import whole_file


class Predictions(NamedTuple):
    """Predicted positions of all photos, in index order.

    Attributes:
        coordinates: (lat, lon) in degrees, most probable first, float64 ``[n, K, 2]``.
        probabilities: float ``[n, K]``.
    """

    coordinates: NDArray[np.float64]
    probabilities: NDArray[Any]


def save_predictions(
    folder: str | Path,
    results: Mapping[str, TaskResult],
    predictions: Predictions,
    index: Index,
    protocol: Mapping[str, Any],
    config_hash: str | None = None,
) -> None:
    """Write the files of a run, each in one step.

    ``metrics.json``, ``index.csv``, and ``predictions.npz`` with ``coordinates``,
    ``probabilities``, and the photos' own values as ``<task>/<name>``, such as ``error_km``.

    Args:
        folder: Created if missing.
        results: Results per task.
        predictions: Those of the photos.
        index: The photos, row by row.
        protocol: Fingerprint of the dataset, and how errors were measured.
        config_hash: Hash of the run config.
    """
    folder = Path(folder)
    arrays = predictions._asdict()
    for task, result in results.items():
        arrays |= {f"{task}/{name}": value.numpy() for name, value in result.per_query.items()}
    metrics = metrics_of(results) | facts_of(results, protocol, config_hash)
    with whole_run(folder, metrics, index), whole_file(folder / "predictions.npz") as file:
        np.savez_compressed(file, **arrays)


def load_predictions(folder: str | Path) -> Predictions:
    """Read the predictions that ``save_predictions`` wrote.

    Raises:
        DatasetError: If the file is missing or unreadable.
    """
    path = Path(folder) / "predictions.npz"
    try:
        return Predictions(**read_arrays(path, Predictions._fields))
    except (ArrayFault, TypeError) as error:  # TypeError: one of the arrays is missing
        raise DatasetError(f"{path} holds no predictions: {error}") from error
