"""Batches in which no place appears twice.

In a contrastive batch every other place is a negative; a second image of the same place would be
a false one.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from numpy.typing import NDArray
from torch.utils.data import Sampler

from geoloc.errors import ConfigError
from geoloc.registry import SAMPLERS


class PlaceDataset(Protocol):
    """A dataset that knows the place of each item, int64 ``[len]``."""

    place_labels: NDArray[np.int64]


@SAMPLERS.register_module()
class UniquePlaceSampler(Sampler[int]):
    """Orders the items so that every batch holds each place at most once.

    The order is one stream of global batches of ``batch_size * world_size`` items; every item
    appears once per epoch, the shorter batch last. Rank ``r`` takes the ``r``-th contiguous block
    of every global batch, so the ranks' blocks in turn are the batch of a single process; of the
    last batch only a multiple of the number of ranks is used.

    Args:
        dataset: Anything with ``place_labels``.
        batch_size: Items per process and step; the data loader's own batch size must be equal.
        seed: Base of the order; None draws one that all ranks share.
        shuffle: False repeats the order of epoch 0 in every epoch.
        batches_per_epoch: Ends an epoch after that many batches, for a quick look at a large
            dataset; None uses every item.

    Raises:
        ConfigError: If no such order exists.
    """

    def __init__(
        self,
        dataset: PlaceDataset,
        batch_size: int,
        seed: int | None = None,
        shuffle: bool = True,
        batches_per_epoch: int | None = None,
    ) -> None:
        rank, world_size = get_dist_info()
        self.rank, self.world_size = int(rank), int(world_size)
        self.batch_size = batch_size
        self.global_batch = batch_size * self.world_size
        self.labels = np.unique(dataset.place_labels, return_inverse=True)[1]
        self.seed = sync_random_seed() if seed is None else seed
        self.shuffle = shuffle
        self.batches_per_epoch = batches_per_epoch
        self.epoch = 0
        _check_feasible(np.bincount(self.labels), batch_size, self.world_size)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the order."""
        self.epoch = epoch

    def __len__(self) -> int:
        items = self.labels.size // self.global_batch * self.batch_size + self._last_block
        if self.batches_per_epoch is None:
            return items
        return min(items, self.batches_per_epoch * self.batch_size)

    def __iter__(self) -> Iterator[int]:
        epoch = self.epoch if self.shuffle else 0
        generator = np.random.default_rng([self.seed, epoch])
        order = unique_place_order(self.labels, self.global_batch, generator)
        full = order.size - order.size % self.global_batch
        blocks = order[:full].reshape(-1, self.world_size, self.batch_size)[:, self.rank]
        start = full + self.rank * self._last_block
        last = order[start : start + self._last_block]
        return iter(np.concatenate([blocks.ravel(), last])[: len(self)].tolist())

    @property
    def _last_block(self) -> int:
        last: int = self.labels.size % self.global_batch
        return last // self.world_size


def unique_place_order(
    labels: NDArray[np.intp], batch_size: int, generator: np.random.Generator
) -> NDArray[np.intp]:
    """Return a random order of all items in which no batch repeats a place.

    Args:
        labels: Place of each item, 0-based without gaps, ``[n]``.
        batch_size: Items per batch; the last may be shorter.
        generator: Source of randomness.

    Returns:
        Item positions ``[n]``.
    """
    drawn = _draw_places(np.bincount(labels), batch_size, generator)
    # the t-th time a place is drawn takes the t-th image of its shuffled images
    images = generator.permutation(labels.size)
    images = images[np.argsort(labels[images], kind="stable")]
    order = np.empty_like(images)
    order[np.argsort(drawn, kind="stable")] = images
    return order


def _draw_places(
    counts: NDArray[np.intp], batch_size: int, generator: np.random.Generator
) -> NDArray[np.intp]:
    """Return the places ``[n]`` of all batches in turn.

    Places are drawn in proportion to their remaining images, without replacement, by the smallest
    exponential variates (the Gumbel top-k trick). A place with as many images left as batches must
    be in each of them and is forced in. The short batch is drawn first, though it comes last:
    full batches alone can always be completed from places with at most one image per batch.
    """
    remaining = counts.copy()
    total = int(counts.sum())
    full, short = divmod(total, batch_size)
    sizes = ([short] if short else []) + [batch_size] * full
    batches = []
    for left, size in zip(range(len(sizes), 0, -1), sizes, strict=True):
        with np.errstate(divide="ignore"):
            keys = generator.standard_exponential(remaining.size) / remaining  # none left: inf
        keys[remaining == left] = -1.0
        chosen = np.argpartition(keys, size - 1)[:size]
        remaining[chosen] -= 1
        batches.append(generator.permutation(chosen))  # the partition sorts forced places first
    return np.concatenate(batches[1:] + batches[:1] if short else batches)


def _check_feasible(counts: NDArray[np.intp], batch_size: int, world_size: int) -> None:
    """Check that batches with unique places can use every item once.

    Raises:
        ConfigError: If they cannot.
    """
    if batch_size < 1:
        raise ConfigError(f"UniquePlaceSampler batch_size={batch_size} must be at least 1")
    size, total, most = batch_size * world_size, int(counts.sum()), int(counts.max())
    ranks = f" ({batch_size} on each of {world_size} processes)" if world_size > 1 else ""
    if size > counts.size:
        raise ConfigError(
            f"a batch of {size}{ranks} cannot have unique places: the dataset has {counts.size}; "
            f"set batch_size to at most {counts.size // world_size}"
        )
    full, short = divmod(total, size)
    batches = full + bool(short)
    everywhere = int((counts == batches).sum())  # these places must be in the short batch too
    if most > batches or (short and everywhere > short):
        raise ConfigError(
            f"batches of {size}{ranks} cannot have unique places: one place has {most} of the "
            f"{total} images, but there are only {batches} batches (the last of {short or size}); "
            f"set batch_size to at most {total // most // world_size}, or even the places out"
        )
