"""Batches in which every second place is one that the network takes for the first."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoloc.datasets.samplers.global_batch import GlobalBatchSampler, PlaceDataset
from geoloc.datasets.samplers.place_draw import (
    draw_places,
    most_batches,
    take_images,
    whole_batches,
)
from geoloc.errors import ConfigError
from geoloc.registry import SAMPLERS

_BLOCK_ROWS = 1024  # 1024 x 40,000 similarities are 160 MB
UNKNOWN = -1  # a candidate of an item that was never described


def pool_candidates(
    query: Tensor,
    gallery: Tensor,
    gallery_places: Tensor,
    keep: int,
    pool: int,
    generator: np.random.Generator,
) -> Tensor:
    """Return the places of the images in a random pool that are most similar to every query.

    Args:
        query: Descriptors ``[n, D]``.
        gallery: Descriptors ``[m, D]``, m >= 1.
        gallery_places: Their place labels, int64 ``[m]``.
        keep: Candidates per query.
        pool: Size of the random pool.
        generator: Draws the pool.

    Returns:
        Place labels, int64 ``[n, min(keep, pool, m)]``, most similar first.
    """
    drawn = generator.permutation(len(gallery))[:pool]
    chosen = torch.from_numpy(drawn).to(gallery.device)
    places, images = gallery_places[chosen], gallery[chosen]
    keep = min(keep, len(chosen))
    blocks = torch.split(query, _BLOCK_ROWS)
    nearest = [(block @ images.T).topk(keep, dim=1).indices for block in blocks]
    return places[torch.cat(nearest)]


def mined_halves(
    first: NDArray[np.intp],
    labels: NDArray[np.intp],
    candidates: NDArray[np.int64],
    mined: int,
    generator: np.random.Generator,
) -> NDArray[np.intp]:
    """Complete batches by one mined place for each of the items they begin with.

    For the items in turn, a place is drawn from their candidates until it is not in the batch.
    Where there is none (VIGOR gives up after 100 draws) any place is drawn.

    Args:
        first: Items that the batches begin with, of distinct places, ``[b, h]``.
        labels: Place of each item, 0-based without gaps, ``[n]``.
        candidates: Places for each item, int64 ``[n, k]``, or ``UNKNOWN``.
        mined: Items to add to every batch, at most h.
        generator: Draws the candidates, and the image of a place that has several.

    Returns:
        Items ``[b, h + mined]`` of distinct places.
    """
    num_places = int(labels.max()) + 1
    items_of = np.split(np.argsort(labels, kind="stable"), np.cumsum(np.bincount(labels))[:-1])
    batches = []
    for items in first:
        taken = {UNKNOWN, *labels[items].tolist()}
        added = []
        for item in items[:mined]:
            places = [place for place in candidates[item].tolist() if place not in taken]
            if not places:
                places = [place for place in range(num_places) if place not in taken]
            place = places[generator.integers(len(places))]
            taken.add(place)
            added.append(generator.choice(items_of[place]))
        batches.append([*items, *added])
    return np.array(batches, dtype=np.intp)


@SAMPLERS.register_module()
class GlobalMiningSampler(GlobalBatchSampler):
    """Fills half of every batch with hard negatives from the whole training set.

    Global mining (Zhu et al., VIGOR, CVPR 2021), as coded for VIGOR and TransGeo: the first half
    of a global batch is random, and each of its items brings a random one of the ``keep`` places
    that look most like it in a random pool. ``GlobalMiningHook`` finds them before every epoch
    from the descriptors that the miner ``GlobalMining`` has remembered; the first epoch is random
    throughout. Known from the official code, for one image per place; with several, a batch still
    has unique places and a mined place gives a random image.

    Args:
        dataset: Anything with ``place_labels``.
        batch_size: Items per process and step.
        keep: Candidates per item.
        pool: Images of the other views that are searched.
        seed: Base of the order; None draws one that all ranks share.
        batches_per_epoch: Ends an epoch after that many batches; None draws all.

    Raises:
        ConfigError: If the batch is larger than the number of places.
    """

    def __init__(
        self,
        dataset: PlaceDataset,
        batch_size: int,
        keep: int = 100,
        pool: int = 40_000,
        seed: int | None = None,
        batches_per_epoch: int | None = None,
    ) -> None:
        super().__init__(dataset, batch_size, seed, batches_per_epoch)
        self.check_at_least(1, keep=keep, pool=pool)
        self.check_unique_places()
        self.keep = keep
        self.pool = pool
        self.candidates: NDArray[np.int64] | None = None

    def set_candidates(self, table: NDArray[np.int64]) -> None:
        """Set the places that items are taken for, from the next epoch on, alike on every rank.

        Args:
            table: Positions in ``places`` for each item, int ``[len(dataset), k]``, or
                ``UNKNOWN``.

        Raises:
            ConfigError: If the table does not fit the dataset.
        """
        if len(table) != self.labels.size or not UNKNOWN <= table.min() <= table.max() < len(
            self.places
        ):
            raise ConfigError(
                f"candidates for {self.labels.size} items of {len(self.places)} places got a table "
                f"{list(table.shape)}; was it made on another dataset?"
            )
        self.candidates = table

    @property
    def order_size(self) -> int:
        """The items of all full batches."""
        return most_batches(self.counts, self.global_batch) * self.global_batch

    def draw_order(self, generator: np.random.Generator) -> NDArray[np.intp]:
        """Return the items of all batches; the first half of each is random."""
        draws = whole_batches(self.counts, self.global_batch, generator)
        drawn = draw_places(draws, self.global_batch, generator)
        order = take_images(drawn, self.labels, generator).reshape(-1, self.global_batch)
        if self.candidates is None:
            return order.ravel()
        mined = self.global_batch // 2
        first = order[:, : self.global_batch - mined]
        return mined_halves(first, self.labels, self.candidates, mined, generator).ravel()
