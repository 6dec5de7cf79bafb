"""One stream of global batches, shared out to the ranks."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from numpy.typing import NDArray
from torch.utils.data import Sampler

from geoloc.errors import ConfigError


class PlaceDataset(Protocol):
    """A dataset that knows the place of each item, int64 ``[len]``."""

    place_labels: NDArray[np.int64]


class GeoPlaceDataset(PlaceDataset, Protocol):
    """A dataset that also knows where its places lie.

    ``place_latlon`` holds (lat, lon) in degrees, float64 ``[C,2]``, by place label;
    ``thresholds_m`` the bounds of the relevance levels in metres, nearest first.
    """

    place_latlon: NDArray[np.float64]
    thresholds_m: tuple[float, ...]


class GlobalBatchSampler(Sampler[int], ABC):
    """Base of samplers that compose the batch of all processes together.

    Every rank computes the same order from (seed, epoch): a stream of global batches of
    ``batch_size * world_size`` items. Rank ``r`` takes the ``r``-th contiguous block of every
    global batch, so the ranks' blocks in turn are the batch of a single process; of a shorter last
    batch only a multiple of the number of ranks is used.

    A subclass implements ``draw_order`` and ``order_size``.

    Args:
        dataset: Anything with ``place_labels``.
        batch_size: Items per process and step; the data loader's own batch size must be equal.
        seed: Base of the order; None draws one that all ranks share.
        batches_per_epoch: Ends an epoch after that many batches, for a quick look at a large
            dataset; None uses the whole order.

    Attributes:
        places: The place labels that have items, ascending, int64 ``[P]``.
        labels: Position of each item's place in ``places``, ``[len]``.
        counts: Items of each of ``places``, ``[P]``.

    Raises:
        ConfigError: If a size is below 1.
    """

    def __init__(
        self,
        dataset: PlaceDataset,
        batch_size: int,
        seed: int | None = None,
        batches_per_epoch: int | None = None,
    ) -> None:
        self.check_at_least(1, batch_size=batch_size)
        if batches_per_epoch is not None:
            self.check_at_least(1, batches_per_epoch=batches_per_epoch)
        rank, world_size = get_dist_info()
        self.rank, self.world_size = int(rank), int(world_size)
        self.batch_size = batch_size
        self.global_batch = batch_size * self.world_size
        self.places, self.labels, self.counts = np.unique(
            dataset.place_labels, return_inverse=True, return_counts=True
        )
        self.seed = sync_random_seed() if seed is None else seed
        self.batches_per_epoch = batches_per_epoch
        self.epoch = 0

    @abstractmethod
    def draw_order(self, generator: np.random.Generator) -> NDArray[np.intp]:
        """Return the items of an epoch's global batches in turn, ``[order_size]``."""

    @property
    @abstractmethod
    def order_size(self) -> int:
        """Number of items in the global batches of an epoch, the same for every epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the order."""
        self.epoch = epoch

    def __len__(self) -> int:
        items = self.order_size // self.global_batch * self.batch_size + self._last_block
        if self.batches_per_epoch is None:
            return items
        return min(items, self.batches_per_epoch * self.batch_size)

    def __iter__(self) -> Iterator[int]:
        order = self.draw_order(np.random.default_rng([self.seed, self.epoch]))
        full = order.size - order.size % self.global_batch
        blocks = order[:full].reshape(-1, self.world_size, self.batch_size)[:, self.rank]
        start = full + self.rank * self._last_block
        last = order[start : start + self._last_block]
        return iter(np.concatenate([blocks.ravel(), last])[: len(self)].tolist())

    @property
    def _last_block(self) -> int:
        return self.order_size % self.global_batch // self.world_size

    @property
    def batch_text(self) -> str:
        """The size of a global batch as messages tell it."""
        if self.world_size == 1:
            return str(self.global_batch)
        return f"{self.global_batch} ({self.batch_size} on each of {self.world_size} processes)"

    def check_at_least(self, least: int, **options: int) -> None:
        """Check options that count something.

        Raises:
            ConfigError: If one is below ``least``.
        """
        for name, value in options.items():
            if value < least:
                raise ConfigError(f"{type(self).__name__} {name}={value} must be at least {least}")

    def check_multiple_of_images(self, images_per_place: int) -> None:
        """Check that the groups of images of one place fill a process's batch.

        Raises:
            ConfigError: If ``batch_size`` is no multiple of ``images_per_place``.
        """
        self.check_at_least(1, images_per_place=images_per_place)
        if self.batch_size % images_per_place:
            below = self.batch_size // images_per_place * images_per_place
            raise ConfigError(
                f"{type(self).__name__} batch_size={self.batch_size} must be a multiple of "
                f"images_per_place={images_per_place}, for example {below or images_per_place}"
            )

    def check_unique_places(self) -> None:
        """Check that one batch with unique places exists.

        Raises:
            ConfigError: If the batch is larger than the number of places.
        """
        if self.global_batch > self.places.size:
            raise ConfigError(
                f"a batch of {self.batch_text} cannot have unique places: the dataset has "
                f"{self.places.size}; set batch_size to at most "
                f"{self.places.size // self.world_size}"
            )

    def place_latlon(self, dataset: PlaceDataset) -> NDArray[np.float64]:
        """Return the (lat, lon) in degrees of each of ``places``, float64 ``[P,2]``.

        Raises:
            ConfigError: If the dataset has no positions.
        """
        latlon = getattr(dataset, "place_latlon", None)
        if latlon is None or np.isnan(latlon).all():
            raise ConfigError(
                f"{type(self).__name__} needs the places' positions, but {type(dataset).__name__} "
                "has none; use UniquePlaceSampler, or HierarchicalSampler with a label_column"
            )
        rows: NDArray[np.float64] = np.asarray(latlon, dtype=np.float64)[self.places]
        return rows
