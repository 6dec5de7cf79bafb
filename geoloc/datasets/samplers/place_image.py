"""Batches of P places with K images each, also known as M per class."""

import numpy as np
from mmengine.logging import print_log
from numpy.typing import NDArray

from geoloc.datasets.samplers.global_batch import GlobalBatchSampler, PlaceDataset
from geoloc.datasets.samplers.place_draw import (
    draw_places,
    most_batches,
    take_images,
    whole_batches,
)
from geoloc.errors import ConfigError
from geoloc.registry import SAMPLERS


@SAMPLERS.register_module()
class PlaceImageSampler(GlobalBatchSampler):
    """Fills every batch with ``batch_size / images_per_place`` places of ``K`` images each.

    This is the M-per-class sampler of HAPPIER (Ramzi et al., ECCV 2022), with a fair draw. The
    official code sweeps over the places in one order and begins again at the first, so that early
    places are used up while late ones keep unused images. Here a place is drawn in proportion to
    its unused images: any place is as likely in any batch, and all run out together. An epoch has
    as many batches as can be filled without using an image twice; what does not fill a group of
    ``K`` or the last batch changes from epoch to epoch. A place with fewer than ``K`` images is
    never drawn, as in the official code; the log says how many there are.

    Args:
        dataset: Anything with ``place_labels``.
        batch_size: Items per process and step, a multiple of ``images_per_place``.
        images_per_place: Images ``K`` of a place in a batch; they stand side by side.
        seed: Base of the order; None draws one that all ranks share.
        batches_per_epoch: Ends an epoch after that many batches; None draws all.

    Raises:
        ConfigError: If ``batch_size`` is no multiple of ``images_per_place``, or too few places
            have that many images.
    """

    def __init__(
        self,
        dataset: PlaceDataset,
        batch_size: int,
        images_per_place: int = 4,
        seed: int | None = None,
        batches_per_epoch: int | None = None,
    ) -> None:
        super().__init__(dataset, batch_size, seed, batches_per_epoch)
        self.check_multiple_of_images(images_per_place)
        self.images_per_place = images_per_place
        self.places_per_batch = self.global_batch // images_per_place
        self.groups = self.counts // images_per_place
        self._check_enough_places()

    @property
    def order_size(self) -> int:
        """The items of all full batches."""
        return most_batches(self.groups, self.places_per_batch) * self.global_batch

    def draw_order(self, generator: np.random.Generator) -> NDArray[np.intp]:
        """Return the items of all batches, place by place."""
        draws = whole_batches(self.groups, self.places_per_batch, generator)
        drawn = draw_places(draws, self.places_per_batch, generator)
        return take_images(drawn, self.labels, generator, self.images_per_place)

    def _check_enough_places(self) -> None:
        enough = int(np.count_nonzero(self.groups))
        if self.places_per_batch > enough:
            most = enough // self.world_size * self.images_per_place
            raise ConfigError(
                f"a batch of {self.batch_text} needs {self.places_per_batch} places with "
                f"images_per_place={self.images_per_place} images: the dataset has {enough}; set "
                f"batch_size to at most {most}, or images_per_place lower"
            )
        if enough < self.places.size:
            print_log(
                f"PlaceImageSampler: {self.places.size - enough} of {self.places.size} places have "
                f"fewer than images_per_place={self.images_per_place} images and are never drawn",
                logger="current",
            )
