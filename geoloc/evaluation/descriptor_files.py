"""Descriptors from files, also those of other projects."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from geoloc.array_files import ArrayFault, array_names, is_archive, read_array, read_arrays
from geoloc.errors import DatasetError
from geoloc.evaluation.finite import finite_rows

ARRAY = "descriptors"


def read_descriptors(path: str | Path) -> Tensor:
    """Read descriptors and normalise them, so that inner products are cosines.

    Args:
        path: ``.npy`` file with an array ``[n, D]`` of any real type, or ``.npz`` file whose array
            is called ``descriptors`` or is the only one. Row i belongs to line i of the index.

    Returns:
        L2-normalised, float32 ``[n, D]``.

    Raises:
        DatasetError: If the file holds no such array, or a row is zero or not finite.
    """
    file = Path(path)
    values = _load(file)
    if values.ndim != 2 or values.dtype.kind not in "fiu" or not values.shape[1]:
        raise DatasetError(
            f"{file} must hold descriptors [n, D] of a real type, got {values.dtype} "
            f"{list(values.shape)}"
        )
    descriptors = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
    for fault, rows in {
        "contains NaN or infinity": ~finite_rows(descriptors),
        "is zero: it has no direction and no cosine": (descriptors == 0).all(dim=1),
    }.items():
        if bool(rows.any()):
            row = int(rows.nonzero()[0])
            raise DatasetError(
                f"{file}: the descriptor of row {row} {fault}; leave the image out of "
                "descriptors and index, or describe it again"
            )
    return F.normalize(descriptors)


def _load(file: Path) -> NDArray[np.generic]:
    if not file.is_file():
        raise DatasetError(f"{file} does not exist; give a .npy or .npz file, or a run folder")
    try:
        if not is_archive(file):
            return read_array(file)
        names = array_names(file)
        name = ARRAY if ARRAY in names else names[0] if len(names) == 1 else None
        if name is not None:
            return read_arrays(file, [name])[name]
    except ArrayFault as error:
        raise DatasetError(f"{file} cannot be read as .npy or .npz: {error}") from error
    raise DatasetError(
        f"{file} holds the arrays {', '.join(names) or 'none'}; save the one that counts as "
        f"{ARRAY!r}"
    )
