"""The contract of miners: losses that look beyond the batch."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn

from geoloc.datasets.place_levels import PlaceLevels
from geoloc.errors import ConfigError
from geoloc.models.losses.similarity import Similarity
from geoloc.models.miners.checksum import state_checksum

Describe = Callable[[Tensor, str], Tensor]
Direction = tuple[str, str]


class GlobalBatch(NamedTuple):
    """The batch of all processes in rank order; row i of every view shows the same place.

    Attributes:
        descriptors: ``{view: [N, D]}``, with gradient.
        labels: Place labels, int64 ``[N]``.
        rows: Rows of the images in the training dataset's index, int64 ``{view: [N]}``.
        levels: Levels between place labels.
    """

    descriptors: dict[str, Tensor]
    labels: Tensor
    rows: dict[str, Tensor]
    levels: PlaceLevels


class Miner(nn.Module, ABC):
    """A loss term from images outside the batch, added to the losses of the batch.

    The model builds it with its ``views`` and calls it once per training step, inside the same
    forward pass as everything else.

    Attributes:
        repeatable: Whether it may be called again with the batch, ``recording`` off, as in the
            second pass of a sharpness-aware step: the term must not depend on what it remembers.
        recording: Whether to remember the batch.
        similarity: Maps descriptors ``[N, D]`` and ``[M, D]`` to similarities ``[N, M]``.
    """

    repeatable: ClassVar[bool] = False
    recording: bool = True

    def __init__(self) -> None:
        super().__init__()
        self.similarity: nn.Module = Similarity()

    @abstractmethod
    def forward(self, batch: GlobalBatch, describe: Describe) -> Tensor:
        """Return the unweighted term, the same scalar on every process, and remember the batch.

        Args:
            batch: The global batch.
            describe: Maps images as the dataset loads them, uint8 ``[n, 3, H, W]``, and their view
                to descriptors ``[n, D]`` of the current network, with gradient.
        """

    def set_similarity(self, similarity: nn.Module) -> None:
        """Compare descriptors by the similarity of the model, which does not mind the direction.

        Raises:
            ConfigError: If the miner cannot.
        """
        self.similarity = similarity

    def checksum(self) -> int:
        """Return a number that is equal on all processes if their states are."""
        return state_checksum(self)

    def set_dataset(self, dataset: Any, num_workers: int = 0) -> None:
        """Receive the training dataset before training.

        Args:
            dataset: For example a ``PairDataset``.
            num_workers: Processes that may load images in the background.
        """

    def set_epoch(self, epoch: int) -> None:
        """Receive the number of the epoch that begins, from 0."""


def mining_directions(views: Sequence[str], directions: str | Sequence[str]) -> list[Direction]:
    """Return (view of the anchors, view of the candidates) of every direction to mine.

    Args:
        views: All views; the first is the query's. With one view it is searched for itself.
        directions: ``'both'``, ``'query'`` or ``'gallery'`` for the anchors of all views, of the
            first or of the others; or the names of the anchors' views.

    Raises:
        ConfigError: If a name is no view.
    """
    named = {"both": views, "query": views[:1], "gallery": views[1:] or views}
    if isinstance(directions, str):
        if directions not in named:
            raise ConfigError(
                f"directions={directions!r} must be one of {', '.join(named)} or a list of views "
                f"among {', '.join(views)}."
            )
        directions = named[directions]
    if not directions or not set(directions) <= set(views):
        raise ConfigError(f"directions={list(directions)} must be views among {', '.join(views)}.")
    if len(views) == 1:
        return [(views[0], views[0])]
    return [pair for pair in permutations(views, 2) if pair[0] in directions]
