"""The contract of every loss on pairs of descriptors."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from geoloc.models.losses.precision import full_precision


class PairLoss(nn.Module, ABC):
    """A loss on query and gallery descriptors and the level of every pair, in one direction.

    The model averages both directions. A subclass implements :meth:`loss`; this class checks the
    shapes and makes sure that the computation runs in float32 even inside autocast.
    """

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
            return self.loss(query, gallery, levels)

    @abstractmethod
    def loss(self, query: Tensor, gallery: Tensor, levels: Tensor) -> Tensor:
        """Return the scalar loss of checked, full-precision descriptors."""


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
