"""Unique places per batch, with many near ones among them."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geoloc.datasets.samplers.global_batch import GeoPlaceDataset
from geoloc.datasets.samplers.neighbour_batches import NeighbourBatchSampler, Neighbours
from geoloc.errors import ConfigError
from geoloc.geo import earth_centred
from geoloc.registry import SAMPLERS


@SAMPLERS.register_module()
class NearPlaceSampler(NeighbourBatchSampler):
    """Fills batches with clusters: a random anchor and random neighbours from rings around it.

    A loss over several relevance levels learns nothing about the middle ones from a batch in which
    all places are far apart, as most are in a batch of ``UniquePlaceSampler``. The rings are those
    of the relevance levels: the first reaches to the second threshold (200 m on DA-Campus: level
    2), the next from there to the third (500 m: level 1), and so on. Two places closer than the
    first threshold belong to the first ring.

    Every batch has unique places; every image is used at most once per epoch, and an epoch has as
    many batches as that allows. With few images per place the last batches are made of what the
    clusters before have left over, and hold fewer near places.

    Args:
        dataset: Has ``place_labels``, ``place_latlon`` and ``thresholds_m``.
        batch_size: Items per process and step.
        neighbours: The most neighbours per anchor in each ring, nearest ring first; one number for
            every threshold but the first.
        seed: Base of the order; None draws one that all ranks share.
        batches_per_epoch: Ends an epoch after that many batches; None draws all.

    Raises:
        ConfigError: If the batch is larger than the number of places, or ``neighbours`` does not
            fit the thresholds.
    """

    def __init__(
        self,
        dataset: GeoPlaceDataset,
        batch_size: int,
        neighbours: Sequence[int] = (4, 4),
        seed: int | None = None,
        batches_per_epoch: int | None = None,
    ) -> None:
        super().__init__(dataset, batch_size, seed, batches_per_epoch)
        self.neighbours = tuple(neighbours)
        self.positions = earth_centred(self.place_latlon(dataset))
        self.bounds_m = tuple(dataset.thresholds_m)[1:]
        self._check_rings()
        self.tree = cKDTree(self.positions)

    def neighbours_of(self, generator: np.random.Generator) -> Neighbours:
        """Return the function that lists the places of every ring in random order."""

        def rings(anchor: int) -> Iterator[tuple[NDArray[np.intp], int]]:
            for ring, most in zip(self._rings(anchor), self.neighbours, strict=True):
                yield generator.permutation(ring), most

        return rings

    def _rings(self, anchor: int) -> list[NDArray[np.intp]]:
        """Return the places of every ring around a place, itself excluded."""
        centre = self.positions[anchor]
        found = self.tree.query_ball_point(centre, self.bounds_m[-1], return_sorted=True)
        around = np.array(found, dtype=np.intp)
        around = around[around != anchor]
        distance_m = np.linalg.norm(self.positions[around] - centre, axis=1)
        ring = np.searchsorted(self.bounds_m, distance_m)
        return [around[ring == number] for number in range(len(self.bounds_m))]

    def _check_rings(self) -> None:
        if not self.bounds_m:
            raise ConfigError(
                "NearPlaceSampler has no ring to take neighbours from: the dataset needs at least "
                "two thresholds_m, the second bounds the first ring"
            )
        if len(self.neighbours) != len(self.bounds_m) or min(self.neighbours, default=0) < 0:
            raise ConfigError(
                f"NearPlaceSampler neighbours={self.neighbours} must have {len(self.bounds_m)} "
                "numbers, none negative: one for every threshold of the dataset after the first, "
                f"{self.bounds_m} m"
            )
