"""Features of photos, extracted beforehand, in place of the photos."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from geoloc.datasets.feature_file import read_features
from geoloc.datasets.index import Index
from geoloc.datasets.protocol import Protocol
from geoloc.errors import DatasetError
from geoloc.geo import check_latlon
from geoloc.inner_paths import path_fault
from geoloc.registry import DATASETS


@DATASETS.register_module()
class FeatureDataset(Dataset[dict[str, Any]]):
    """One item per row of a file of features, for a model with the backbone ``CachedFeatures``.

    An item is ``dict(inputs=float32 [D], coordinates=float64 [2], rows=int)``.

    Args:
        path: An ``.npz`` file, or a folder with ``filenames.npy``, ``embeddings.npy`` and
            ``coordinates.npy``, whose features stay on the disk until they are asked for.
        split: Name of these photos in the index.

    Attributes:
        metainfo: ``index`` and ``protocol`` for the evaluation.

    Raises:
        DatasetNotFoundError: If there is nothing at ``path``.
        DatasetError: If an array is missing or the arrays do not fit together.
        CoordinateError: If a row is not a position on Earth.
    """

    def __init__(self, path: str | Path, split: str = "test") -> None:
        self.path, self.split = Path(path), split
        self.features = read_features(self.path)
        where = f"coordinates of {path}"
        self.coordinates = torch.from_numpy(
            np.array(check_latlon(self.features.coordinates, where))
        )

    @cached_property
    def index(self) -> Index:
        """The rows as an index, each a place of its own.

        Raises:
            DatasetError: If a file name leaves the folder of the features.
        """
        lat, lon = self.coordinates.numpy().T
        count = len(self)
        files = np.asarray(self.features.filenames)
        for row, name in enumerate(files.tolist()):
            if fault := path_fault(str(name), "the folder of the features"):
                raise DatasetError(f"{self.path}: filenames[{row}]: {fault}")
        return Index(
            path=files,
            view=np.full(count, "photo"),
            place=np.arange(count),
            lat=lat,
            lon=lon,
            split=np.full(count, self.split),
            root=self.path.parent,
        )

    @cached_property
    def metainfo(self) -> dict[str, Any]:
        """What an evaluator needs; made when it asks, since the index of millions takes time."""
        protocol = Protocol.of(self.path.stem, self.index, ())
        return {"index": self.index, "protocol": protocol.as_dict()}

    def __len__(self) -> int:
        return len(self.coordinates)

    def __getitem__(self, item: int) -> dict[str, Any]:
        """Return one row."""
        inputs = torch.from_numpy(self.features.embeddings[item].astype(np.float32))
        return {"inputs": inputs, "coordinates": self.coordinates[item], "rows": item}
