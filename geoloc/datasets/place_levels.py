"""The relevance level of any two places, from their distance or from a tree of labels."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from geoloc.datasets.index import Index
from geoloc.geo import check_thresholds, geodesic_distance, near_pairs, relevance_levels

# A table of few places is looked up faster (50 against 220 us for 64 x 64 of 450 places, a thread).
# Of 2000 places a look-up costs the same either way, and measuring all pairs already takes seconds.
DENSE_PLACES = 2048


class Images(NamedTuple):
    """Some images of a dataset, or samples of several images each.

    Attributes:
        places: Their place labels, int64 ``[n]``.
        rows: Their rows in the dataset's index, int64 ``[n]``, or ``[n, V]`` for samples of V
            images; None where they are not known.
    """

    places: Tensor
    rows: Tensor | None = None


class PlaceLevels(nn.Module):
    """Levels between places, by label: ``levels(rows [n], columns [m]) -> [n, m]``.

    Args:
        latlon: Positions of the places.

    Attributes:
        highest: L, the level of a place with itself.
        latlon: WGS-84 (lat, lon) of the places in degrees, float64 ``[C, 2]``, for losses that need
            distances instead of levels; None for a dataset without positions.
    """

    highest: int
    latlon: Tensor | None

    def __init__(self, latlon: NDArray[np.float64] | None = None) -> None:
        super().__init__()
        positions = None if latlon is None else torch.tensor(latlon, dtype=torch.float64)
        self.register_buffer("latlon", positions, persistent=False)

    def __len__(self) -> int:
        """Return C, the number of places."""
        raise TypeError("subclasses tell their number of places")

    def of_images(self, rows: Images, columns: Images) -> Tensor:
        """Return the levels int8 ``[n, m]`` of images, which are those of their places."""
        levels: Tensor = self(rows.places, columns.places)
        return levels


class DistanceLevels(PlaceLevels):
    """Levels from distances, looked up in a table, which costs nothing per step.

    Args:
        table: int8 ``[C, C]``; row and column c belong to place label c.
        highest: L, the number of distance thresholds.
        latlon: Positions of the places.
    """

    table: Tensor

    def __init__(
        self, table: Tensor, highest: int, latlon: NDArray[np.float64] | None = None
    ) -> None:
        super().__init__(latlon)
        self.register_buffer("table", table, persistent=False)
        self.highest = highest

    @classmethod
    def from_positions(
        cls, latlon: NDArray[np.float64], thresholds_m: Sequence[float]
    ) -> "DistanceLevels":
        """Measure all pairs of places.

        Args:
            latlon: WGS-84 (lat, lon) of the places ``[C, 2]`` in degrees.
            thresholds_m: Bounds of the levels in metres, nearest first.
        """
        table = relevance_levels(geodesic_distance(latlon, latlon), thresholds_m)
        return cls(torch.from_numpy(table), len(thresholds_m), latlon)

    def __len__(self) -> int:
        return len(self.table)

    def forward(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Return the levels int8 ``[n, m]`` of place labels ``rows [n]`` and ``columns [m]``."""
        return _take_columns(self.table[rows], columns)


class SparseDistanceLevels(PlaceLevels):
    """Levels from distances, of which only those of near places are stored.

    They are the same as those of :class:`DistanceLevels`. Most pairs of places have level 0, and of
    a million places no table of all pairs can be held. What is near place c is row c of a sparse
    matrix by rows (CSR): the entries ``pointer[c] .. pointer[c + 1]``.

    Args:
        pointer: First entry of every place, and the number of entries at the end, int64
            ``[C + 1]``.
        near: The place that each entry is about, int32 ``[P]``; no place twice in one row.
        level: Its level, 1 or higher, int8 ``[P]``.
        highest: L, the number of distance thresholds.
        latlon: Positions of the places.
    """

    pointer: Tensor
    near: Tensor
    level: Tensor

    def __init__(
        self,
        pointer: Tensor,
        near: Tensor,
        level: Tensor,
        highest: int,
        latlon: NDArray[np.float64] | None = None,
    ) -> None:
        super().__init__(latlon)
        self.register_buffer("pointer", pointer, persistent=False)
        self.register_buffer("near", near, persistent=False)
        self.register_buffer("level", level, persistent=False)
        self.highest = highest

    @classmethod
    def from_positions(
        cls, latlon: NDArray[np.float64], thresholds_m: Sequence[float]
    ) -> "SparseDistanceLevels":
        """Measure the pairs of places within the last threshold.

        Args:
            latlon: WGS-84 (lat, lon) of the places ``[C, 2]`` in degrees.
            thresholds_m: Bounds of the levels in metres, nearest first.
        """
        bounds = check_thresholds(thresholds_m)
        row, column, distance_m = near_pairs(latlon, latlon, bounds[-1])
        pointer = np.searchsorted(row, np.arange(len(latlon) + 1))
        return cls(
            torch.from_numpy(pointer),
            torch.from_numpy(column.astype(np.int32)),
            torch.from_numpy(relevance_levels(distance_m, bounds)),
            len(bounds),
            latlon,
        )

    def __len__(self) -> int:
        return len(self.pointer) - 1

    def forward(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Return the levels int8 ``[n, m]`` of place labels ``rows [n]`` and ``columns [m]``."""
        row, place, level = self._entries(rows)
        # Every place that is asked for gets one of its positions in ``columns``, and from there
        # its other positions copy. All other places share one column more, which nobody reads.
        slot = columns.new_full((len(self),), len(columns))
        slot.scatter_(0, columns, torch.arange(len(columns), device=columns.device))
        levels = level.new_zeros(len(rows), len(columns) + 1)
        levels[row, slot[place]] = level
        return _take_columns(levels, slot.index_select(0, columns))

    def _entries(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the position in ``rows``, the near place and its level of all their entries."""
        first = self.pointer[rows]
        count = self.pointer[rows + 1] - first
        row = torch.arange(len(rows), device=rows.device).repeat_interleave(count)
        before = count.cumsum(0) - count
        entry = torch.arange(len(row), device=rows.device) + (first - before)[row]
        return row, self.near[entry].long(), self.level[entry]


class LabelTreeLevels(PlaceLevels):
    """Levels counted as the number of labels that two places share.

    With labels from fine to coarse this is the depth of the closest common node of the tree; no
    table of all pairs is built, since trees have tens of thousands of leaves.

    Args:
        labels: Labels of every place, int64 ``[C, L]``; the first column is the place itself.
        latlon: Positions of the places.
    """

    labels: Tensor

    def __init__(self, labels: Tensor, latlon: NDArray[np.float64] | None = None) -> None:
        super().__init__(latlon)
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


def _take_columns(levels: Tensor, columns: Tensor) -> Tensor:
    """Return ``levels[:, columns]``, which a gather does several times faster than an index."""
    return levels.gather(1, columns.expand(len(levels), -1))


def place_levels(index: Index, thresholds_m: Sequence[float]) -> PlaceLevels:
    """Return the levels between the places of an index.

    Args:
        index: The images; its places are numbered by ``place_labels``.
        thresholds_m: Bounds of the levels in metres, nearest first; empty for a dataset whose
            levels come from its labels.
    """
    if not thresholds_m:
        latlon = index.place_latlon if index.has_positions else None
        return LabelTreeLevels(torch.from_numpy(index.place_label_tree), latlon)
    dense = len(index.places) <= DENSE_PLACES
    kind = DistanceLevels if dense else SparseDistanceLevels
    return kind.from_positions(index.place_latlon, thresholds_m)
