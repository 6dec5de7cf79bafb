"""Batches in which no place appears twice.

In a contrastive batch every other place is a negative; a second image of the same place would be
a false one.
"""

import numpy as np
from numpy.typing import NDArray

from geoloc.datasets.samplers.global_batch import GlobalBatchSampler, PlaceDataset
from geoloc.datasets.samplers.place_draw import draw_places, take_images
from geoloc.errors import ConfigError
from geoloc.registry import SAMPLERS


@SAMPLERS.register_module()
class UniquePlaceSampler(GlobalBatchSampler):
    """Orders the items so that every batch holds each place at most once.

    Every item appears once per epoch, the shorter batch last. How the ranks share a batch is told
    at ``GlobalBatchSampler``.

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
        super().__init__(dataset, batch_size, seed, batches_per_epoch)
        self.shuffle = shuffle
        self.check_unique_places()
        self._check_every_item_fits()

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the order; without shuffling it stays that of epoch 0."""
        if self.shuffle:
            super().set_epoch(epoch)

    @property
    def order_size(self) -> int:
        """Every item once."""
        return self.labels.size

    def draw_order(self, generator: np.random.Generator) -> NDArray[np.intp]:
        """Return a random order of all items in which no batch repeats a place."""
        drawn = draw_places(self.counts, self.global_batch, generator)
        return take_images(drawn, self.labels, generator)

    def _check_every_item_fits(self) -> None:
        """Check that batches with unique places can use every item once.

        Raises:
            ConfigError: If they cannot.
        """
        total, most = self.labels.size, int(self.counts.max())
        full, short = divmod(total, self.global_batch)
        batches = full + bool(short)
        everywhere = int((self.counts == batches).sum())  # must be in the short batch too
        if most > batches or (short and everywhere > short):
            raise ConfigError(
                f"batches of {self.batch_text} cannot have unique places: one place has {most} of "
                f"the {total} images, but there are only {batches} batches (the last of "
                f"{short or self.global_batch}); set batch_size to at most "
                f"{total // most // self.world_size}, or even the places out"
            )
