"""The training samples: one image of each view of one place."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from geoloc.datasets.campus_layout import check_views
from geoloc.datasets.excluded_pairs import excluding_levels
from geoloc.datasets.image_dataset import build_source, check_selection
from geoloc.datasets.item_randomness import item_randomness
from geoloc.datasets.pipeline import PipelineConfigs, ViewPipelines
from geoloc.datasets.place_levels import PlaceLevels, place_levels
from geoloc.datasets.quarantine import Quarantine, round_from
from geoloc.datasets.source import Source
from geoloc.errors import ConfigError, ImageError
from geoloc.registry import DATASETS, TRANSFORMS


@DATASETS.register_module()
class PairDataset(Dataset[dict[str, Any]]):
    """One item per image of the first view, with one image of the same place of each other view.

    An item is ``dict(inputs={view: uint8 [3,H,W]}, places={view: label}, rows={view: row})``;
    labels count in ``index.places``, rows in ``index``. Where a place has several images of
    another view, one is drawn. All randomness of an item, augmentation included, is a function of
    (seed, epoch, item).

    Args:
        source: A registered source (``DACampus`` ...) or its config.
        split: Part of the dataset.
        views: The views of a pair; the first one's images are the items.
        pipelines: For every view its transforms, ``mmpretrain.PackInputs`` last.
        pair_transforms: Transforms of all images of a pair together, after the pipelines, such as
            ``PairFlip``; images that a miner loads again do not pass through them.
        seed: Seed of the items' randomness.
        exclusion_radius_m: Places within so many metres of each other are neither positive nor
            negative (25 for CVACT); None makes all other places negatives.
        exclude_semi_positives: Nor is a tile that a panorama also shows (VIGOR).

            With either of them the levels are 2 for the same place, 1 for what is excluded and 0
            for negatives: losses need ``positive_level=2, negative_level=0``.
        max_unreadable: So many images that cannot be read are listed, and another image of the
            same place and view, or if it has none another place, is taken instead; one more, or
            with 0 the first, is an error.
        unreadable_list: File of that list; a run sets it.

    Attributes:
        index: The rows of the split that show one of the views.
        place_labels: Place of each item, int64 ``[len]``.
        place_latlon: Position (lat, lon) in degrees of each place, float64 ``[C,2]``.
        label_columns: Labels of each place from itself to the coarsest, int64 ``[C, 1 + K]``.
        thresholds_m: Bounds of the relevance levels in metres.
        metainfo: The protocol in plain types; mmengine writes it into checkpoints.

    Raises:
        ConfigError: If the split has no image of a view, a view has no valid pipeline, or the data
            lacks what an exclusion needs, or has thresholds.
        DatasetError: If a place lacks one of the views.
    """

    def __init__(
        self,
        source: Source | dict[str, Any],
        split: str = "train",
        views: Sequence[str] = ("drone", "satellite"),
        *,
        pipelines: PipelineConfigs,
        pair_transforms: Sequence[dict[str, Any]] = (),
        seed: int = 0,
        exclusion_radius_m: float | None = None,
        exclude_semi_positives: bool = False,
        max_unreadable: int = 0,
        unreadable_list: str | None = None,
    ) -> None:
        source = build_source(source)
        self.views = tuple(views)
        if set(self.views) != set(pipelines) or len(self.views) != len(pipelines):
            raise ConfigError(
                f"pipelines must have exactly the views {self.views}, it has {tuple(pipelines)}"
            )
        check_selection(source, split, self.views)
        self.pipelines = ViewPipelines(pipelines)
        self.pair_transforms = [TRANSFORMS.build(transform) for transform in pair_transforms]
        self.index = source.index.select(split=split, view=self.views)
        check_views(self.index, self.views)
        self._items = np.flatnonzero(self.index.view == self.views[0])
        self._rows = {view: self._rows_by_place(view) for view in self.views}
        self.place_labels: NDArray[np.int64] = self.index.place_labels[self._items]
        self.place_latlon = self.index.place_latlon
        self.label_columns = self.index.place_label_tree
        self.thresholds_m = source.thresholds_m
        self.metainfo = {"protocol": source.protocol.as_dict()}
        self.excluding = exclusion_radius_m is not None or exclude_semi_positives
        if self.excluding and self.thresholds_m:
            raise ConfigError(
                f"exclusion_radius_m={exclusion_radius_m} and exclude_semi_positives="
                f"{exclude_semi_positives} are for pairs, but thresholds_m={self.thresholds_m} "
                "grades places by distance; set one of them"
            )
        self.exclusion = exclusion_radius_m, exclude_semi_positives
        self.seed = seed
        self.quarantine = Quarantine(unreadable_list, max_unreadable)
        # in shared memory, so that workers which outlive an epoch see the next one
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]

    def _rows_by_place(self, view: str) -> list[NDArray[np.intp]]:
        rows = np.flatnonzero(self.index.view == view)
        labels = self.index.place_labels[rows]
        order = np.argsort(labels, kind="stable")
        starts = np.searchsorted(labels[order], np.arange(1, self.num_places))
        return np.split(rows[order], starts)

    def levels(self) -> PlaceLevels:
        """Return the relevance levels between the training images.

        Raises:
            ConfigError: If the data lacks what an exclusion needs.
        """
        if self.excluding:
            return excluding_levels(self.index, *self.exclusion)
        return place_levels(self.index, self.thresholds_m)

    @property
    def num_places(self) -> int:
        """Number of places in the split."""
        return len(self.index.places)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the items' randomness, also in running workers."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return self._items.size

    def __getitem__(self, item: int) -> dict[str, Any]:
        """Load one pair.

        Raises:
            ImageError: If a file cannot be decoded, and too many others could not be either.
        """
        for candidate in round_from(item, len(self)):
            if (pair := self._pair(candidate)) is not None:
                return pair
        raise ImageError(f"no place of {len(self)} can be read, see {self.quarantine.file}")

    def _pair(self, item: int) -> dict[str, Any] | None:
        """Load one pair, or None where the place has no readable image of a view."""
        place = int(self.place_labels[item])
        with item_randomness(self.seed, int(self._epoch), item) as generator:
            rows = {self.views[0]: int(self._items[item])}
            for view in self.views[1:]:
                rows[view] = int(generator.choice(self._rows[view][place]))
            inputs = {}
            for view in self.views:
                if (found := self._load(view, rows[view], generator)) is None:
                    return None
                rows[view], inputs[view] = found
            for transform in self.pair_transforms:
                inputs = transform(inputs)
        return {"inputs": inputs, "places": dict.fromkeys(rows, place), "rows": rows}

    def _load(
        self, view: str, row: int, generator: np.random.Generator
    ) -> tuple[int, Tensor] | None:
        """Load an image, or if it cannot be read another one of the place."""

        def candidates() -> Iterator[int]:
            yield row
            of_place = self._rows[view][int(self.index.place_labels[row])]
            yield from generator.permutation(of_place[of_place != row]).tolist()

        return self.quarantine.first_readable(
            candidates(), lambda image: self.pipelines.load(view, self.index.file(image))
        )

    def reload(self, view: str, row: int, step: int) -> Tensor:
        """Load one image again, with an augmentation drawn from (seed, epoch, row, step).

        Args:
            view: The view it shows, which selects the pipeline.
            row: Its row in ``index``.
            step: Number of the training step, from 1.

        Returns:
            uint8 ``[3,H,W]``.

        Raises:
            ImageError: If the file cannot be decoded, nor any other of its place and view.
        """
        with item_randomness(self.seed, int(self._epoch), row, step) as generator:
            if (found := self._load(view, row, generator)) is None:
                raise ImageError(f"{self.index.file(row)} cannot be read, nor others of its place")
        return found[1]
