"""The pairs of the batches so far, summed up per bin of distance."""

import torch
from torch import Tensor

from geoloc.geo.semivariogram import BinSums
from geoloc.models.growing_buffers import GrowingBuffers


class SemivariogramStream(GrowingBuffers):
    """Decaying sums over the pairs that a process has seen, kept in checkpoints.

    Args:
        decay: Weight of all earlier pairs at every step; 1 forgets nothing.

    Attributes:
        edges_km: Edges of the bins, float64 ``[K + 1]``; empty before :meth:`begin`.
        sums: See :class:`BinSums`, float64 ``[5, K]``.
    """

    growing_buffers = ("edges_km", "sums")
    edges_km: Tensor
    sums: Tensor

    def __init__(self, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("edges_km", torch.zeros(0, dtype=torch.float64))
        self.register_buffer("sums", torch.zeros(0, 0, dtype=torch.float64))

    @property
    def has_begun(self) -> bool:
        """Whether it has bins."""
        return len(self.edges_km) > 0

    def begin(self, edges_km: Tensor) -> None:
        """Start over with these bins, float64 ``[K + 1]``."""
        self.edges_km = edges_km.to(self.edges_km)
        self.sums = BinSums.empty(self.edges_km).sums

    def add(self, lag_km: Tensor, dissimilarity: Tensor) -> None:
        """Add the pairs of a step, both ``[P]``, without gradient."""
        total = self.total().decayed(self.decay)
        self.sums = (total + BinSums.of_pairs(self.edges_km, lag_km, dissimilarity)).sums

    def total(self) -> BinSums:
        """Return the sums of this process."""
        return BinSums(self.edges_km, self.sums)
