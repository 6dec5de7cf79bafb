"""The GPS queue of GeoCLIP: positions of past batches as further negatives."""

from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.geo.great_circle import uniform_on_sphere
from geoloc.models.growing_buffers import GrowingBuffers
from geoloc.registry import MODELS


class Queued(NamedTuple):
    """What the queue holds.

    Attributes:
        latlon: (lat, lon) ``[Q, 2]`` in degrees, float64.
        valid: The slots that serve as negatives, bool ``[Q]``.
        features: Image features of the slots' positions ``[Q, D]``, or ``[Q, 0]`` before the first.
        known: The slots that have features, bool ``[Q]``.
    """

    latlon: Tensor
    valid: Tensor
    features: Tensor
    known: Tensor

    @classmethod
    def none(cls, batch: Tensor) -> "Queued":
        """Return an empty queue beside the positions ``batch [B, 2]``."""
        slots = torch.empty(0, dtype=torch.bool, device=batch.device)
        return cls(batch[:0], slots, batch.new_empty(0, 0), slots)


@MODELS.register_module()
class GpsQueue(GrowingBuffers):
    """A ring of the last Q training positions (Vivanco Cepeda et al., GeoCLIP, 2023).

    A step first copies the queue, which with the batch makes its candidates, then writes the batch
    over the oldest slots: a batch is never among its own queued negatives. The ring lives in
    buffers, so that a resumed run goes on with it.

    Args:
        size: Q, a multiple of the global batch. 4096 in the official code (known).
        mask_unfilled: Leave slots that no batch has filled yet out of the negatives. False takes
            them for negatives at places uniform over the Earth.
        official_init: Start as the official code does (known): from unit vectors, all of them
            within a degree of (0, 0), which are negatives from the first step.

    Raises:
        ConfigError: If ``size`` is not positive.
    """

    growing_buffers: ClassVar[tuple[str, ...]] = ("features",)
    degrees: Tensor
    pointer: Tensor
    stored: Tensor
    features: Tensor

    def __init__(
        self, size: int = 4096, mask_unfilled: bool = True, official_init: bool = False
    ) -> None:
        super().__init__()
        if size < 1:
            raise ConfigError(f"model.queue.size={size} must be positive; queue=None has no queue")
        self.masked = mask_unfilled and not official_init
        start = F.normalize(torch.randn(size, 2)).double()
        self.register_buffer("degrees", start if official_init else uniform_on_sphere(size))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.int64))
        self.register_buffer("stored", torch.zeros((), dtype=torch.int64))
        self.register_buffer("features", torch.empty(size, 0))

    def __len__(self) -> int:
        return len(self.degrees)

    def contents(self) -> Queued:
        """Return a copy of the queue, which later batches do not change."""
        filled = torch.arange(len(self), device=self.degrees.device) < self.stored
        valid = filled if self.masked else torch.ones_like(filled)
        known = filled if self.features.shape[1] else torch.zeros_like(filled)
        return Queued(self.degrees.clone(), valid, self.features.clone(), known)

    def enqueue(self, latlon: Tensor, features: Tensor | None = None) -> None:
        """Write a batch over the oldest slots.

        Args:
            latlon: (lat, lon) ``[B, 2]`` in degrees, of all processes.
            features: Image features of these positions ``[B, D]``, in every step or in none.

        Raises:
            ConfigError: If Q is no multiple of B.
        """
        if len(self) % len(latlon):
            raise ConfigError(
                f"model.queue.size={len(self)} must be a multiple of the global batch of "
                f"{len(latlon)}; set model.queue.size={-(-len(self) // len(latlon)) * len(latlon)} "
                "and train_dataloader.drop_last=True"
            )
        start = int(self.pointer)
        block = slice(start, start + len(latlon))
        self.degrees[block] = latlon.to(self.degrees)
        if features is not None:
            if self.features.shape[1] != features.shape[1]:
                self.features = features.new_zeros(len(self), features.shape[1])
            self.features[block] = features.detach()
        self.pointer.fill_(block.stop % len(self))
        self.stored.fill_(min(int(self.stored) + len(latlon), len(self)))
