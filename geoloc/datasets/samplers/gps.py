"""Batches of places that lie near one another, as Sample4Geo begins its training."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from geoloc.datasets.samplers.global_batch import GeoPlaceDataset
from geoloc.datasets.samplers.neighbour_batches import NeighbourBatchSampler, Neighbours
from geoloc.datasets.samplers.neighbour_table import nearest_places
from geoloc.registry import SAMPLERS


@SAMPLERS.register_module()
class GPSSampler(NeighbourBatchSampler):
    """Fills batches with places and their nearest neighbours on the ground.

    The GPS sampling of Sample4Geo (Deuser et al., ICCV 2023): near places look alike, so they are
    hard negatives before the network can name any. An anchor brings the first half of
    ``neighbour_select`` places from its list, and as many random ones of the rest of the first
    ``neighbour_range``.

    Every batch has unique places; every image is used at most once per epoch, and an epoch has as
    many batches as that allows.

    Args:
        dataset: Has ``place_labels`` and ``place_latlon``.
        batch_size: Items per process and step.
        neighbour_select: Neighbours that an anchor tries to bring, at least 2.
        neighbour_range: Length of the neighbour lists.
        seed: Base of the order; None draws one that all ranks share.
        batches_per_epoch: Ends an epoch after that many batches; None draws all.

    Attributes:
        neighbours: Neighbours of each of ``places``, nearest first, int64 ``[P, k]``.

    Raises:
        ConfigError: If the batch is larger than the number of places, or the dataset has no
            positions.
    """

    def __init__(
        self,
        dataset: GeoPlaceDataset,
        batch_size: int,
        neighbour_select: int = 64,
        neighbour_range: int = 128,
        seed: int | None = None,
        batches_per_epoch: int | None = None,
    ) -> None:
        super().__init__(dataset, batch_size, seed, batches_per_epoch)
        self.check_at_least(2, neighbour_select=neighbour_select)
        self.check_at_least(1, neighbour_range=neighbour_range)
        self.neighbour_select = neighbour_select
        self.neighbour_range = neighbour_range
        self.neighbours = nearest_places(self.place_latlon(dataset), neighbour_range)

    def neighbours_of(self, generator: np.random.Generator) -> Neighbours:
        """Return the function that lists half of the neighbours by rank and half at random."""
        return listed_neighbours(
            self.neighbours, self.neighbour_select, self.neighbour_range, generator.permutation
        )


def listed_neighbours(
    table: NDArray[np.int64],
    select: int,
    within: int,
    permute: Callable[[NDArray[np.int64]], NDArray[np.int64]],
) -> Neighbours:
    """Return the function that picks from a neighbour table as Sample4Geo does.

    Args:
        table: Neighbours of every place, nearest first, int64 ``[C,k]``.
        select: Neighbours to pick: half of them the nearest, half random ones of the rest.
        within: How many of each list take part.
        permute: Puts the rest in random order.
    """
    half = select // 2

    def listed(place: int) -> Iterator[tuple[NDArray[np.int64], int]]:
        row = table[place, :within]
        picked = np.concatenate([row[:half], permute(row[half:])[:half]])
        yield picked, picked.size

    return listed
