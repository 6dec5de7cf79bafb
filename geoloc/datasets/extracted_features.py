"""Features of photos that a frozen backbone extracts on first use."""

import fcntl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geoloc.datasets.feature_dataset import FeatureDataset
from geoloc.datasets.index import Index
from geoloc.datasets.photo_dataset import PhotoDataset
from geoloc.datasets.rendering import render_first
from geoloc.registry import DATASETS


@DATASETS.register_module()
class ExtractedFeatures(FeatureDataset):
    """The features of photos in their place, for a model with the backbone ``CachedFeatures``.

    They are extracted on first use and read from the disk from then on; an interrupted extraction
    goes on where it stopped, and of several trainings that begin together one extracts.

    Args:
        photos: Config of the ``PhotoDataset``; its pipeline is that of tests, since every photo
            passes once.
        extractor: Config of the ``GeoCLIP`` whose backbone and neck extract, start weights
            included.
        path: Folder of the features.
        batch_size: Photos at once.

    Attributes:
        metainfo: ``index`` and ``protocol`` of the photos.

    Raises:
        DatasetError: If ``path`` holds the features of other photos or of other weights.
    """

    def __init__(
        self,
        photos: Mapping[str, Any],
        extractor: Mapping[str, Any],
        path: str | Path,
        batch_size: int = 64,
    ) -> None:
        self.photos: PhotoDataset = DATASETS.build(dict(photos))
        folder = Path(path)
        render_first(lambda: _extract(extractor, self.photos, folder, batch_size))
        super().__init__(folder)

    @property
    def index(self) -> Index:
        """The rows of the photos."""
        return self.photos.index

    @property
    def metainfo(self) -> dict[str, Any]:
        """What an evaluator needs."""
        return self.photos.metainfo


def _extract(
    extractor: Mapping[str, Any], photos: PhotoDataset, folder: Path, batch_size: int
) -> None:
    from geoloc.engine.feature_extraction import build_extractor, extract_features

    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        extract_features(build_extractor(extractor), photos, folder, batch_size)
