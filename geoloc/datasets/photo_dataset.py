"""Photos with the positions where they were taken."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from geoloc.datasets.image_dataset import build_source, check_selection
from geoloc.datasets.item_randomness import item_randomness
from geoloc.datasets.pipeline import ViewPipelines
from geoloc.datasets.protocol import fingerprint
from geoloc.datasets.quarantine import Quarantine, round_from
from geoloc.datasets.source import Source
from geoloc.errors import DatasetError, ImageError
from geoloc.registry import DATASETS


@DATASETS.register_module()
class PhotoDataset(Dataset[dict[str, Any]]):
    """One item per image of a split, for training and for tests.

    An item is ``dict(inputs=uint8 [3,H,W], coordinates=float64 [2], rows=int)``; coordinates are
    (lat, lon) in degrees, ``rows`` counts in ``index``. All randomness of an item is a function of
    (seed, epoch, item).

    Args:
        source: A registered source (``OSV5M`` ...) or its config.
        split: Part of the dataset, or several parts.
        pipeline: Transforms, ``mmpretrain.PackInputs`` last.
        view: The view of the images.
        seed: Seed of the items' randomness.
        max_unreadable: So many images that cannot be read are listed, and the next photo is taken
            instead; one more, or with 0 the first, is an error.
        unreadable_list: File of that list; a run sets it.

    Attributes:
        index: The rows of the items.
        metainfo: ``index`` and ``protocol`` for the evaluation.

    Raises:
        ConfigError: If the split has no image of the view, or the pipeline lacks ``PackInputs``.
        DatasetError: If the split has no positions.
    """

    def __init__(
        self,
        source: Source | dict[str, Any],
        split: str | Sequence[str] = "train",
        *,
        pipeline: Sequence[dict[str, Any]],
        view: str = "photo",
        seed: int = 0,
        max_unreadable: int = 0,
        unreadable_list: str | None = None,
    ) -> None:
        source = build_source(source)
        check_selection(source, split, (view,))
        self.view = view
        self.pipelines = ViewPipelines({view: pipeline})
        self.index = source.index.select(split=split, view=view)
        if not self.index.has_positions:
            raise DatasetError(
                f"split={split!r} of {source.protocol.dataset} has no positions, which photos need"
            )
        self.coordinates = torch.from_numpy(self.index.image_latlon.copy())
        self.metainfo = {"index": self.index, "protocol": source.protocol.as_dict()}
        self.seed = seed
        self.quarantine = Quarantine(unreadable_list, max_unreadable)
        # in shared memory, so that workers which outlive an epoch see the next one
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the items' randomness, also in running workers."""
        self._epoch.fill_(epoch)

    @property
    def fingerprint(self) -> str:
        """A short hash of the rows, which tells one set of photos from another."""
        return fingerprint(self.index)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, item: int) -> dict[str, Any]:
        """Load one photo.

        Raises:
            ImageError: If its file cannot be decoded, and too many others could not be either.
        """
        rows = round_from(item, len(self))
        if (found := self.quarantine.first_readable(rows, self._load)) is None:
            raise ImageError(f"no image of {len(self)} can be read, see {self.quarantine.file}")
        row, inputs = found
        return {"inputs": inputs, "coordinates": self.coordinates[row], "rows": row}

    def _load(self, row: int) -> Tensor:
        with item_randomness(self.seed, int(self._epoch), row):
            return self.pipelines.load(self.view, self.index.file(row))
