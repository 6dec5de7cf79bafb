"""Batches from a few super classes, so that they hold near places as well as far ones."""

from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from geoloc.datasets.samplers.global_batch import GlobalBatchSampler, PlaceDataset
from geoloc.datasets.samplers.place_draw import take_images
from geoloc.errors import ConfigError
from geoloc.geo import campus_labels
from geoloc.registry import SAMPLERS

MOST_TUPLES = 1_000_000


@SAMPLERS.register_module()
class HierarchicalSampler(GlobalBatchSampler):
    """Fills every batch from a tuple of super classes, as HAPPIER trains (after PML's sampler).

    Every combination of ``super_classes_per_batch`` super classes gives
    ``batches_per_super_tuple`` batches per epoch, in random order. The super classes of a tuple
    share a batch evenly; each gives random places with ``images_per_place`` images each. Official
    batches are short where a super class has too few places: here the others of its tuple give
    more, and a tuple that cannot fill a batch is left out. A place gives its images in turn, so
    all are used about equally often; one with fewer than ``images_per_place`` repeats some.

    Super classes are a column of the dataset's label tree or, for positions on the ground, the
    campuses: the places that hang together by steps within the largest relevance threshold.

    Args:
        dataset: Has ``place_labels``, and ``label_columns`` (int ``[C,K]`` by place label, fine to
            coarse) or ``place_latlon`` and ``thresholds_m``.
        batch_size: Items per process and step, a multiple of ``images_per_place``.
        images_per_place: Images of a place in a batch; they stand side by side.
        super_classes_per_batch: Super classes in a batch.
        batches_per_super_tuple: Batches per combination of super classes and epoch.
        label_column: Column of ``label_columns`` that names the super class (-1 is the coarsest);
            None takes campuses.
        seed: Base of the order; None draws one that all ranks share.
        batches_per_epoch: Ends an epoch after that many batches, of random tuples; None draws
            all.

    Raises:
        ConfigError: If no tuple can fill a batch, there are too many, or the dataset lacks the
            labels or positions.
    """

    def __init__(
        self,
        dataset: PlaceDataset,
        batch_size: int,
        images_per_place: int = 4,
        super_classes_per_batch: int = 2,
        batches_per_super_tuple: int = 5,
        label_column: int | None = None,
        seed: int | None = None,
        batches_per_epoch: int | None = None,
    ) -> None:
        super().__init__(dataset, batch_size, seed, batches_per_epoch)
        self.check_multiple_of_images(images_per_place)
        self.check_at_least(
            1,
            super_classes_per_batch=super_classes_per_batch,
            batches_per_super_tuple=batches_per_super_tuple,
        )
        self.images_per_place = images_per_place
        self.places_per_batch = self.global_batch // images_per_place
        self.batches_per_super_tuple = batches_per_super_tuple
        labels = self._super_labels(dataset, label_column)
        self.members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        self.tuples = self._tuples(super_classes_per_batch)

    @property
    def order_size(self) -> int:
        """The items of all batches of all tuples, or of as many as asked for."""
        batches = len(self.tuples) * self.batches_per_super_tuple
        if self.batches_per_epoch is not None:
            batches = min(batches, self.batches_per_epoch)
        return batches * self.global_batch

    def draw_order(self, generator: np.random.Generator) -> NDArray[np.intp]:
        """Return the items of all batches, place by place."""
        turns = np.repeat(np.arange(len(self.tuples)), self.batches_per_super_tuple)
        turns = generator.permutation(turns)[: self.order_size // self.global_batch]
        drawn = [self._draw_batch(self.tuples[turn], generator) for turn in turns]
        return take_images(np.concatenate(drawn), self.labels, generator, self.images_per_place)

    def _draw_batch(
        self, super_classes: NDArray[np.intp], generator: np.random.Generator
    ) -> NDArray[np.intp]:
        """Return the distinct places of one batch; small super classes first, to make up later."""
        members = [self.members[label] for label in generator.permutation(super_classes)]
        members.sort(key=len)  # stable: equal ones keep the random order
        places: list[NDArray[np.intp]] = []
        room = self.places_per_batch
        for waiting, candidates in zip(range(len(members), 0, -1), members, strict=True):
            places.append(generator.permutation(candidates)[: room // waiting])
            room -= places[-1].size
        return generator.permutation(np.concatenate(places))

    def _super_labels(self, dataset: PlaceDataset, column: int | None) -> NDArray[np.int64]:
        """Return the super class of each of ``places``.

        Raises:
            ConfigError: If the dataset does not have it.
        """
        if column is None:
            latlon = self.place_latlon(dataset)
            thresholds_m: tuple[float, ...] = getattr(dataset, "thresholds_m", ())
            if not thresholds_m:
                raise ConfigError(
                    "HierarchicalSampler cannot tell campuses apart: the dataset has "
                    "thresholds_m=(); set label_column, or the dataset's thresholds_m"
                )
            return campus_labels(latlon, thresholds_m[-1])
        columns = getattr(dataset, "label_columns", None)
        count = 0 if columns is None else np.shape(columns)[1]
        if columns is None or not -count <= column < count:
            raise ConfigError(
                f"HierarchicalSampler label_column={column}: {type(dataset).__name__} has {count} "
                "label columns; leave label_column out to group places by distance"
            )
        labels: NDArray[np.int64] = np.asarray(columns, dtype=np.int64)[self.places, column]
        return labels

    def _tuples(self, size: int) -> NDArray[np.intp]:
        """Return the combinations of super classes that can fill a batch, ``[t, size]``.

        Raises:
            ConfigError: If there is none, or so many that listing them is no sampling any more.
        """
        classes = len(self.members)
        if comb(classes, size) > MOST_TUPLES:
            raise ConfigError(
                f"super_classes_per_batch={size} of {classes} super classes makes "
                f"{comb(classes, size)} combinations; set it lower, or take a coarser label_column"
            )
        sizes = np.array([members.size for members in self.members])
        every = np.array(list(combinations(range(classes), size)), dtype=np.intp).reshape(-1, size)
        tuples: NDArray[np.intp] = every[sizes[every].sum(axis=1) >= self.places_per_batch]
        if not len(tuples):
            largest = int(np.sort(sizes)[-size:].sum())
            raise ConfigError(
                f"a batch of {self.batch_text} needs {self.places_per_batch} places from "
                f"super_classes_per_batch={size} super classes: the dataset has {classes}, the "
                f"{size} largest with {largest} places; lower batch_size or "
                "super_classes_per_batch, or raise images_per_place"
            )
        return tuples
