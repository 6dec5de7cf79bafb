"""The relevance level of any two places, from their distance or from a tree of labels."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from geoloc.datasets.index import Index
from geoloc.geo import geodesic_distance, relevance_levels


class PlaceLevels(nn.Module):
    """Levels between places, by label: ``levels(rows [n], columns [m]) -> [n, m]``.

    Attributes:
        highest: L, the level of a place with itself.
    """

    highest: int

    def __len__(self) -> int:
        """Return C, the number of places."""
        raise TypeError("subclasses tell their number of places")


class DistanceLevels(PlaceLevels):
    """Levels looked up in a table, which costs nothing per step.

    Args:
        table: int8 ``[C, C]``; row and column c belong to place label c.
        highest: L, the number of distance thresholds.
    """

    table: Tensor

    def __init__(self, table: Tensor, highest: int) -> None:
        super().__init__()
        self.register_buffer("table", table, persistent=False)
        self.highest = highest

    def __len__(self) -> int:
        return len(self.table)

    def forward(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Return the levels int8 ``[n, m]`` of place labels ``rows [n]`` and ``columns [m]``."""
        return self.table[rows].index_select(1, columns)


class LabelTreeLevels(PlaceLevels):
    """Levels counted as the number of labels that two places share.

    With labels from fine to coarse this is the depth of the closest common node of the tree; no
    table of all pairs is built, since trees have tens of thousands of leaves.

    Args:
        labels: Labels of every place, int64 ``[C, L]``; the first column is the place itself.
    """

    labels: Tensor

    def __init__(self, labels: Tensor) -> None:
        super().__init__()
        self.register_buffer("labels", labels, persistent=False)
        self.highest = labels.shape[1]

    def __len__(self) -> int:
        return len(self.labels)

    def forward(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Return the levels int8 ``[n, m]`` of place labels ``rows [n]`` and ``columns [m]``."""
        levels = torch.zeros(len(rows), len(columns), dtype=torch.int8, device=rows.device)
        for label in self.labels.unbind(dim=1):
            levels += label[rows, None] == label[columns]
        return levels


def place_levels(
    index: Index, thresholds_m: Sequence[float], distance_m: NDArray[np.float64] | None = None
) -> PlaceLevels:
    """Return the levels between the places of an index.

    Args:
        index: The images; its places are numbered by ``place_labels``.
        thresholds_m: Bounds of the levels in metres, nearest first; empty for a dataset whose
            levels come from its labels.
        distance_m: ``[C, C]`` distances in metres where they are known already.
    """
    if not thresholds_m:
        return LabelTreeLevels(torch.from_numpy(index.place_label_tree))
    if distance_m is None:
        distance_m = geodesic_distance(index.place_latlon, index.place_latlon)
    table = relevance_levels(distance_m, thresholds_m)
    return DistanceLevels(torch.from_numpy(table), len(thresholds_m))
