"""A validation split of campuses that were meant for training."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from geoloc.datasets.source import Source
from geoloc.errors import ConfigError, DatasetError
from geoloc.geo import campus_labels
from geoloc.registry import DATASETS


@DATASETS.register_module()
class ValidationCampuses(Source):
    """Another dataset, some of whose train campuses are split ``val`` instead.

    Hyper-parameters are chosen there, so that the test campuses judge only what was chosen. Whole
    campuses are held out: places of one campus look alike and lie in each other's levels.

    Args:
        source: Config of the dataset.
        campuses: Number of campuses to hold out, those with the highest place ids.

    Raises:
        ConfigError: If no campus would be left to train on, or none held out.
        DatasetError: If the dataset has no positions, or a split ``val`` already.
    """

    def __init__(self, source: Mapping[str, Any], campuses: int = 1) -> None:
        inner: Source = DATASETS.build(dict(source))
        index = inner.index
        if not index.has_positions:
            raise DatasetError(f"{inner.protocol.dataset} has no positions to tell campuses by")
        if "val" in index.split:
            raise DatasetError(f"{inner.protocol.dataset} has a split 'val' already; use that")
        train = index.select(split="train")
        campus = campus_labels(train.place_latlon, inner.thresholds_m[-1])
        found = len(np.unique(campus))
        if not 1 <= campuses < found:
            raise ConfigError(
                f"campuses={campuses}: {inner.protocol.dataset} has {found} train campuses, of "
                f"which 1 .. {found - 1} can be held out"
            )
        last = [int(train.places[campus == label].max()) for label in range(found)]
        held_out = np.argsort(last)[-campuses:]
        places = train.places[np.isin(campus, held_out)]
        split = np.where(np.isin(index.place, places), "val", index.split)
        super().__init__(inner.protocol.dataset, replace(index, split=split), inner.thresholds_m)
