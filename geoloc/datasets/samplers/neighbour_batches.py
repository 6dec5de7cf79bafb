"""Compose batches of places together with their neighbours."""

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoloc.datasets.samplers.global_batch import GlobalBatchSampler, PlaceDataset
from geoloc.datasets.samplers.place_draw import most_batches, take_images

# For a place: groups of other places in the order to try, with the most to take of each group.
Neighbours = Callable[[int], Iterable[tuple[ArrayLike, int]]]


def neighbour_batches(
    anchors: NDArray[np.intp], neighbours: Neighbours, batch_size: int, num_places: int
) -> NDArray[np.intp]:
    """Return full batches of distinct places in which neighbours stand together.

    The construction of Sample4Geo (Deuser et al., ICCV 2023): anchors are taken in turn; each
    brings the neighbours that still have unused images, until the batch is full. An anchor that is
    in the batch already waits behind the others. With one image per place these are the official
    batches, except that every possible one is made: official code stops at 1024 used-up anchors
    in a row, and never takes the neighbour with id 0.

    With several images, places that stand in too few batches would be left for the end and could
    not fill it. So a batch keeps room for as many of the places with an unused image for each
    batch to come as the remaining batches depend on.

    Args:
        anchors: The place of each image in the order to try, ``[n]``.
        neighbours: Gives the neighbours of a place.
        batch_size: Places per batch.
        num_places: Number of places ``P``; labels are 0..P-1.

    Returns:
        Places ``[b * batch_size]``, no more often than in ``anchors``, with the largest ``b`` that
        distinct places allow.
    """
    unused = np.bincount(anchors, minlength=num_places)
    pool = deque(anchors.tolist())
    drawn: list[int] = []
    for left in range(most_batches(unused, batch_size), 0, -1):
        batch = _Batch(unused, batch_size, left)
        while batch.room:
            anchor = pool.popleft()
            if not unused[anchor]:
                continue  # its images came in as neighbours of others
            if not batch.add(anchor):
                pool.append(anchor)
                continue
            for places, most in neighbours(anchor):
                batch.add_some(np.asarray(places).tolist(), most)
        unused[batch.places] -= 1
        drawn += batch.places
    return np.array(drawn, dtype=np.intp)


class _Batch:
    """The places of a growing batch.

    The ``left`` batches that remain exist if and only if ``sum_p min(unused_p, left) >=
    left * batch_size``. A place with ``unused_p >= left`` that the batch leaves out lowers the sum
    by one draw that nothing makes up, so the batch may leave out no more of them than the excess.
    """

    def __init__(self, unused: NDArray[np.intp], batch_size: int, left: int) -> None:
        self.places: list[int] = []
        self.room = batch_size
        self._unused = unused
        self._left = left
        self._members: set[int] = set()
        excess = int(np.minimum(unused, left).sum()) - left * batch_size
        self._reserved = max(0, int(np.count_nonzero(unused >= left)) - excess)

    def add(self, place: int) -> bool:
        """Add a place if it can stand in this batch; return whether it does now."""
        if not self.room or place in self._members or not self._unused[place]:
            return False
        if self._unused[place] >= self._left:
            self._reserved -= 1
        elif self.room <= self._reserved:
            return False
        self._members.add(place)
        self.places.append(place)
        self.room -= 1
        return True

    def add_some(self, places: Iterable[int], most: int) -> None:
        """Add the first ``most`` of the places that can stand in this batch."""
        for place in places:
            if not (most and self.room):
                return
            most -= self.add(place)


class NeighbourBatchSampler(GlobalBatchSampler):
    """Base of samplers whose batches are anchors with their neighbours.

    Every batch has unique places; every image is used at most once per epoch, and an epoch has as
    many batches as that allows. A subclass implements ``neighbours_of``.

    Raises:
        ConfigError: If the batch is larger than the number of places.
    """

    def __init__(
        self,
        dataset: PlaceDataset,
        batch_size: int,
        seed: int | None = None,
        batches_per_epoch: int | None = None,
    ) -> None:
        super().__init__(dataset, batch_size, seed, batches_per_epoch)
        self.check_unique_places()

    @abstractmethod
    def neighbours_of(self, generator: np.random.Generator) -> Neighbours:
        """Return the function that lists the neighbours of a place, drawing from ``generator``."""

    @property
    def order_size(self) -> int:
        """The items of all full batches."""
        return most_batches(self.counts, self.global_batch) * self.global_batch

    def draw_order(self, generator: np.random.Generator) -> NDArray[np.intp]:
        """Return the items of all batches, anchors with their neighbours."""
        anchors = generator.permutation(self.labels)
        neighbours = self.neighbours_of(generator)
        drawn = neighbour_batches(anchors, neighbours, self.global_batch, self.places.size)
        return take_images(drawn, self.labels, generator)
