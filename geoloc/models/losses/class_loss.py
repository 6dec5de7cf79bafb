"""The contract of every loss on embeddings and the place they show."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.losses.precision import full_precision


class ClassLoss(nn.Module, ABC):
    """A loss that compares every embedding with something learned for each training place.

    A subclass implements :meth:`loss`; this class checks shapes and labels and makes sure that all
    of it runs in float32 even inside autocast.

    Args:
        num_places: C, the number of training places.
        embed_dims: D.
        num_parts: P, the number of parts that the head describes one by one.

    Attributes:
        averages_rows: Whether :meth:`loss` is the mean over its rows, each of which needs itself
            only. Several processes then share the rows of a batch.

    Raises:
        ConfigError: If an argument is not positive.
    """

    averages_rows: bool = False

    def __init__(self, num_places: int, embed_dims: int, num_parts: int = 1) -> None:
        super().__init__()
        if min(num_places, embed_dims, num_parts) <= 0:
            raise ConfigError(
                f"num_places={num_places}, embed_dims={embed_dims} and num_parts={num_parts} must "
                "be positive."
            )
        self.num_places = num_places
        self.embedding_shape = (embed_dims,) if num_parts == 1 else (embed_dims, num_parts)

    def forward(self, embedding: Tensor, place_label: Tensor) -> Tensor:
        """Return the loss of one view.

        Args:
            embedding: What the head returns, ``[N, D]``, or ``[N, D, P]`` for several parts.
            place_label: Training labels ``[N]``, int64, in ``0 .. num_places - 1``.

        Returns:
            A scalar, float32 (float64 for a float64 embedding).

        Raises:
            ValueError: If the shapes do not fit together, or a label on the CPU is out of range
                (on a GPU the check would stall every step).
        """
        self._check(embedding, place_label)
        with full_precision(embedding) as (embedding,):
            return self.loss(embedding, place_label)

    @abstractmethod
    def loss(self, embedding: Tensor, place_label: Tensor) -> Tensor:
        """Return the scalar loss of an embedding in full precision and its labels ``[N]``."""

    def _check(self, embedding: Tensor, place_label: Tensor) -> None:
        if embedding.shape != (len(place_label), *self.embedding_shape) or not len(place_label):
            expected = ", ".join(["N", *map(str, self.embedding_shape)])
            raise ValueError(
                f"{type(self).__name__} needs embedding [{expected}] and place_label [N] with "
                f"N >= 1, got {list(embedding.shape)} and {list(place_label.shape)}."
            )
        if place_label.device.type != "cpu":
            return
        low, high = (int(extreme) for extreme in place_label.aminmax())
        if low < 0 or high >= self.num_places:
            label = low if low < 0 else high
            raise ValueError(
                f"place_label {label} is outside 0 .. {self.num_places - 1}: the loss was built "
                f"with num_places={self.num_places}; set it to the number of training places."
            )
