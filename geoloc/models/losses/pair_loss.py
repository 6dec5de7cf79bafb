"""The contract of every loss on pairs of descriptors."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from geoloc.models.losses.precision import full_precision
from geoloc.models.losses.similarity import Similarity


class PairLoss(nn.Module, ABC):
    """A loss on the similarities of queries and gallery items and the level of every pair.

    A subclass implements :meth:`loss` on the similarity matrix; this class checks the shapes,
    computes the similarities and makes sure that all of it runs in float32 even inside autocast.

    Args:
        normalize: Axis of normalisation of the similarities, see :class:`Similarity`.

    Attributes:
        similarity: Maps descriptors ``[N, D]`` and ``[M, D]`` to similarities ``[N, M]``; a model
            with a ``similarity`` of its own puts it here.
        averages_rows: Whether :meth:`loss` is the mean over its rows of terms that need their own
            row only. Several processes then share the rows of a batch.
        is_one_way: Whether only the queries are anchors, also where both directions are asked for.
    """

    averages_rows: bool = False
    is_one_way: bool = False

    def __init__(self, normalize: str = "feature") -> None:
        super().__init__()
        self.similarity: nn.Module = Similarity(normalize)

    def forward(self, query: Tensor, gallery: Tensor, levels: Tensor) -> Tensor:
        """Return the loss of one direction.

        Args:
            query: Descriptors ``[N, D]``, the anchors.
            gallery: Descriptors ``[M, D]`` of the other view.
            levels: Levels ``[N, M]``, any integer dtype, higher is nearer.

        Returns:
            A scalar, float32 (float64 for float64 descriptors).

        Raises:
            ValueError: If the shapes do not fit together.
        """
        check_pair_shapes(query, gallery, levels)
        with full_precision(query, gallery) as (query, gallery):
            return self.loss(self.similarity(query, gallery), levels)

    def both_directions(self, query: Tensor, gallery: Tensor, levels: Tensor) -> Tensor:
        """Return the mean of both directions, ``(query, gallery)`` and ``(gallery, query)``.

        The same as two calls with half the matrix products, because the similarities of one
        direction are the transpose of the other's. Arguments as for one direction.

        Raises:
            ValueError: If the shapes do not fit together.
        """
        if self.is_one_way:
            value: Tensor = self(query, gallery, levels)
            return value
        check_pair_shapes(query, gallery, levels)
        with full_precision(query, gallery) as (query, gallery):
            return self.symmetric_loss(self.similarity(query, gallery), levels)

    def within(self, descriptors: Tensor, levels: Tensor) -> Tensor:
        """Return the loss of every item of a batch against all others; no item is its own positive.

        Args:
            descriptors: ``[N, D]``, N >= 2.
            levels: Levels ``[N, N]``, any integer dtype.

        Raises:
            ValueError: If the shapes do not fit together or there is no other item.
        """
        check_pair_shapes(descriptors, descriptors, levels)
        if len(descriptors) < 2:
            raise ValueError("a loss within one view needs a batch of at least 2 images.")
        with full_precision(descriptors) as (descriptors,):
            similarity = self.similarity(descriptors, descriptors)
            return self.loss(without_diagonal(similarity), without_diagonal(levels))

    @property
    def can_share_rows(self) -> bool:
        """Whether the loss of a batch is the mean of those of equal shares of its anchors.

        The similarity decides too: it must compare two descriptors whatever the others are. And a
        subclass that does more than :meth:`loss` sees the whole batch.
        """
        of_base = (PairLoss.forward, PairLoss.both_directions, PairLoss.within)
        of_own = (type(self).forward, type(self).both_directions, type(self).within)
        is_pairwise = getattr(self.similarity, "is_pairwise", False)
        return self.averages_rows and is_pairwise and of_own == of_base

    def of_anchors(self, query: Tensor, gallery: Tensor, levels: Tensor, anchors: slice) -> Tensor:
        """Return :meth:`both_directions` of the anchors in a block of rows of both views.

        Where :attr:`can_share_rows` is true, the mean over equal blocks is that of all anchors.

        Args:
            query: Descriptors of one view ``[N, D]``.
            gallery: Descriptors of the other ``[N, D]``.
            levels: Levels ``[n, N]`` between the block and all samples; levels are symmetric.
            anchors: The block, n rows.

        Raises:
            ValueError: If the shapes do not fit together.
        """
        check_pair_shapes(query[anchors], gallery, levels)
        with full_precision(query, gallery) as (query, gallery):
            rows = [self.similarity(query[anchors], gallery)]
            if not self.is_one_way:
                rows.append(self.similarity(query, gallery[anchors]).T)
            return self.loss(torch.cat(rows), levels.repeat(len(rows), 1))

    def within_of_anchors(self, descriptors: Tensor, levels: Tensor, anchors: slice) -> Tensor:
        """Return :meth:`within` of the anchors in a block of rows.

        Args:
            descriptors: ``[N, D]``, N >= 2.
            levels: Levels ``[n, N]`` between the block and all items.
            anchors: The block, n rows.

        Raises:
            ValueError: If the shapes do not fit together.
        """
        check_pair_shapes(descriptors[anchors], descriptors, levels)
        with full_precision(descriptors) as (descriptors,):
            similarity = self.similarity(descriptors[anchors], descriptors)
            own = (anchors.start + torch.arange(len(levels), device=levels.device))[:, None]
            others = torch.arange(levels.shape[1] - 1, device=levels.device).expand(len(levels), -1)
            others = others + (others >= own)
            return self.loss(similarity.gather(1, others), levels.gather(1, others))

    def symmetric_loss(self, similarity: Tensor, levels: Tensor) -> Tensor:
        """Return the mean of :meth:`loss` over both directions, as a scalar.

        A mean over the anchors may be faster as one pass over the anchors of both directions.
        """
        back = self.loss(similarity.T.contiguous(), levels.T.contiguous())
        return (self.loss(similarity, levels) + back) / 2

    @abstractmethod
    def loss(self, similarity: Tensor, levels: Tensor) -> Tensor:
        """Return the scalar loss of similarities ``[N, M]``, in full precision, and levels."""


def without_diagonal(square: Tensor) -> Tensor:
    """Return ``[N, N - 1]``: the rows of ``square [N, N]`` without their own entry."""
    size = len(square)
    return square.reshape(-1)[1:].view(size - 1, size + 1)[:, :-1].reshape(size, size - 1)


def check_pair_shapes(query: Tensor, gallery: Tensor, levels: Tensor) -> None:
    """Raise ``ValueError`` unless the shapes are ``[N, D]``, ``[M, D]`` and ``[N, M]``."""
    fits = (
        query.ndim == gallery.ndim == 2
        and query.shape[1] == gallery.shape[1]
        and levels.shape == (len(query), len(gallery))
        and levels.numel() > 0
    )
    if not fits:
        raise ValueError(
            "a pair loss needs query [N, D], gallery [M, D] and levels [N, M] with N, M >= 1, got "
            f"{list(query.shape)}, {list(gallery.shape)} and {list(levels.shape)}."
        )
    if levels.is_floating_point():
        raise ValueError(f"levels must be integers (0 = farthest), got {levels.dtype}.")
