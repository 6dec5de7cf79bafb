"""Features with positions from files, one per place: what a semivariogram is fitted to."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoloc.array_files import ArrayFault, read_arrays
from geoloc.datasets.index import Index
from geoloc.errors import DatasetError
from geoloc.evaluation.descriptor_files import read_descriptors
from geoloc.geo.coordinates import check_latlon

ARRAYS = ("filenames", "embeddings", "coordinates")


class PlaceFeatures(NamedTuple):
    """Features of places.

    Attributes:
        features: Floating ``[V, C, D]``, those of one view in one row.
        latlon: WGS-84 (lat, lon) in degrees, float64 ``[C, 2]``.
    """

    features: Tensor
    latlon: NDArray[np.float64]


def read_run_features(folder: str | Path, per_place: str = "mean") -> PlaceFeatures:
    """Read the descriptors of a run, one per place and view; places lacking a view are left out.

    Args:
        folder: With ``descriptors.npy`` and ``index.csv``.
        per_place: ``'mean'`` over the images of a place, so that no place counts by its number of
            images; or its ``'first'`` image, whose distances vary as much as those in a batch.

    Raises:
        DatasetError: If a file is missing, unreadable, or without positions.
    """
    root = Path(folder)
    for name in ("descriptors.npy", "index.csv"):
        if not (root / name).is_file():
            raise DatasetError(f"{root} is no run folder: it has no {name}")
    descriptors = read_descriptors(root / "descriptors.npy")
    index = Index.read_csv(root / "index.csv")
    if len(descriptors) != len(index):
        raise DatasetError(
            f"{root}: descriptors.npy has {len(descriptors)} rows, index.csv has {len(index)}"
        )
    if not index.has_positions:
        raise DatasetError(
            f"{root / 'index.csv'} has no positions, without which there is no semivariogram"
        )
    views = np.unique(index.view)
    labels = torch.from_numpy(index.place_labels)
    features, present = [], torch.ones(len(index.places), dtype=torch.bool)
    for view in views:
        rows = np.flatnonzero(index.view == view)
        if per_place == "first":
            rows = rows[np.unique(index.place[rows], return_index=True)[1]]
        place = labels[rows]
        total = torch.zeros(len(present), descriptors.shape[1])
        features.append(total.index_add_(0, place, descriptors[rows]))
        present &= place.bincount(minlength=len(present)) > 0
    latlon = index.place_latlon[present.numpy()]
    return PlaceFeatures(torch.stack(features)[:, present], latlon)


def read_npz_features(path: str | Path) -> PlaceFeatures:
    """Read features of single images, such as frozen ones of geo-tagged photos.

    Args:
        path: ``.npz`` with ``filenames [N]``, ``embeddings [N, D]`` and ``coordinates [N, 2]`` of
            (lat, lon) in degrees.

    Raises:
        DatasetError: If an array is missing or of another shape.
        CoordinateError: If a row is not a position on Earth.
    """
    file = Path(path)
    try:
        arrays = read_arrays(file, ARRAYS)
    except ArrayFault as error:
        raise DatasetError(f"{file} cannot be read as .npz: {error}") from None
    if missing := [name for name in ARRAYS if name not in arrays]:
        raise DatasetError(
            f"{file} has no array {', '.join(missing)}; it needs filenames [N], embeddings [N, D] "
            "and coordinates [N, 2] of (lat, lon) in degrees"
        )
    names, features, coordinates = (arrays[name] for name in ARRAYS)
    if features.ndim != 2 or features.dtype.kind not in "fiu":
        raise DatasetError(
            f"{file}: embeddings must be numbers [N, D], got {features.dtype} {features.shape}"
        )
    if not len(names) == len(features) == len(coordinates):
        raise DatasetError(
            f"{file}: {len(names)} filenames, {len(features)} embeddings and {len(coordinates)} "
            "coordinates must be equally many"
        )
    values = torch.from_numpy(features.astype(np.float32))
    if bool((bad := ~(values.isfinite().all(dim=1) & values.any(dim=1))).any()):
        raise DatasetError(
            f"{file}: row {int(bad.nonzero()[0])} of embeddings is zero or not finite; leave it out"
        )
    return PlaceFeatures(values[None], check_latlon(coordinates, f"{file}: coordinates"))
