"""Files of image features with positions: one ``.npz``, or a folder of memory-mapped ``.npy``."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoloc.array_files import ArrayFault, read_array, read_arrays
from geoloc.errors import DatasetError, DatasetNotFoundError

COLUMNS = ("filenames", "embeddings", "coordinates")


class Features(NamedTuple):
    """What such a file holds, as the extractor of the semivariogram paper's precursor wrote it.

    Attributes:
        filenames: str ``[N]``.
        embeddings: float16 or float32 ``[N, D]``; memory-mapped from a folder.
        coordinates: (lat, lon) ``[N, 2]`` in degrees.
    """

    filenames: NDArray[np.str_]
    embeddings: NDArray[np.floating]
    coordinates: NDArray[np.float64]


def read_features(path: Path) -> Features:
    """Read the features at ``path``, an ``.npz`` file or a folder.

    Raises:
        DatasetNotFoundError: If nothing is there; the message names the command that writes it.
        DatasetError: If an array is missing or the arrays do not fit together.
    """
    if path.is_dir():
        files = {name: path / f"{name}.npy" for name in COLUMNS}
        arrays = {name: _mapped(file) for name, file in files.items() if file.is_file()}
    elif path.is_file():
        try:
            arrays = read_arrays(path, COLUMNS)
        except ArrayFault as error:
            raise DatasetError(f"{path} is no .npz file of plain arrays: {error}") from None
    else:
        raise DatasetNotFoundError(
            f"there are no features at {path}; write them with python tools/extract_features.py "
            f"CONFIG {path}"
        )
    if missing := [name for name in COLUMNS if name not in arrays]:
        raise DatasetError(f"{path} has no array {missing[0]!r}; it needs {', '.join(COLUMNS)}")
    features = Features(*(arrays[name] for name in COLUMNS))
    count = len(features.filenames)
    if features.embeddings.shape[:1] != (count,) or features.embeddings.ndim != 2:
        raise DatasetError(
            f"{path}: embeddings must be [{count}, D] beside {count} filenames, got "
            f"{list(features.embeddings.shape)}"
        )
    if features.coordinates.shape != (count, 2):
        raise DatasetError(
            f"{path}: coordinates must be [{count}, 2] beside {count} filenames, got "
            f"{list(features.coordinates.shape)}"
        )
    return features


def _mapped(file: Path) -> NDArray[Any]:
    try:
        return read_array(file, mmap_mode="r")
    except ArrayFault as error:
        raise DatasetError(f"{file} is no .npy file of a plain array: {error}") from error
