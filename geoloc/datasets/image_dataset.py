"""The test samples: every image once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from geoloc.datasets.item_randomness import item_randomness
from geoloc.datasets.pipeline import PipelineConfigs, ViewPipelines
from geoloc.datasets.source import Source
from geoloc.errors import ConfigError
from geoloc.registry import DATASETS

SEED = 0  # of transforms that draw: the same for every model


def build_source(source: Source | dict[str, Any]) -> Source:
    """Return the source itself or build it from its config."""
    built: Source = DATASETS.build(source) if isinstance(source, dict) else source
    return built


@DATASETS.register_module()
class ImageDataset(Dataset[dict[str, Any]]):
    """One item per image of every view that has a pipeline, grouped by view.

    An item is ``dict(inputs={view: uint8 [3,H,W]}, places={view: label}, rows={view: row})`` with
    one view; ``row`` counts in ``index``, which is also the position of the item. Transforms that
    draw, draw the same for an item at every evaluation of every run.

    Args:
        source: A registered source (``DACampus`` ...) or its config.
        split: Part of the dataset, or several parts (queries and gallery).
        pipelines: For every view its transforms, ``mmpretrain.PackInputs`` last.

    Attributes:
        index: The rows of the items.
        thresholds_m: Bounds of the relevance levels in metres.
        metainfo: ``index``, ``thresholds_m`` and ``protocol`` (plain types) for the evaluation.

    Raises:
        ConfigError: If the split has no image of a view, or a pipeline lacks ``PackInputs``.
    """

    def __init__(
        self,
        source: Source | dict[str, Any],
        split: str | Sequence[str] = "test",
        *,
        pipelines: PipelineConfigs,
    ) -> None:
        source = build_source(source)
        self.pipelines = ViewPipelines(pipelines)
        part = source.index.select(split=split, view=self.pipelines.views)
        check_selection(source, split, self.pipelines.views)
        self.index = part.take(
            np.concatenate([np.flatnonzero(part.view == view) for view in self.pipelines.views])
        )
        self.thresholds_m = source.thresholds_m
        self.metainfo = {
            "index": self.index,
            "thresholds_m": self.thresholds_m,
            "protocol": source.protocol.as_dict(),
        }

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, item: int) -> dict[str, Any]:
        """Load one image.

        Raises:
            ImageError: If its file cannot be decoded.
        """
        view = str(self.index.view[item])
        with item_randomness(SEED, 0, item):
            image = self.pipelines.load(view, self.index.file(item))
        return {
            "inputs": {view: image},
            "places": {view: int(self.index.place_labels[item])},
            "rows": {view: item},
        }


def check_selection(source: Source, split: str | Sequence[str], views: tuple[str, ...]) -> None:
    """Check that there are such splits, and that together they have images of all views.

    Raises:
        ConfigError: If it does not; the message lists what there is.
    """
    splits = np.unique(source.index.split).tolist()
    for name in [split] if isinstance(split, str) else split:
        if name not in splits:
            raise ConfigError(f"split={name!r} is not in the dataset: it has {', '.join(splits)}")
    known = np.unique(source.index.select(split=split).view).tolist()
    for view in views:
        if view not in known:
            raise ConfigError(f"view {view!r} is not in split {split!r}: it has {', '.join(known)}")
