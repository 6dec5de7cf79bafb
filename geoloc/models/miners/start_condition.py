"""When a miner begins."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.miners.miner import Direction, GlobalBatch


class StartCondition(nn.Module):
    r"""Begin at an epoch, or earlier when the batches hold no hard triplets any more.

    Known (abstract of the DOCB paper): in the middle and late stages of training a batch holds no
    hard exemplar. Inferred: the two conditions and their values. Once met they stay met, also
    after a restart.

    Args:
        alpha: :math:`\alpha`.
        negative_level: Places below this level are negatives.
        start_epoch: The epoch, from 0.
        start_fraction: The fraction of triplets with :math:`\alpha (d(a, p) - d(a, n)) > -1` that
            the batch must fall below; 0 leaves the start to the epoch.

    Attributes:
        epoch: The current epoch.

    Raises:
        ConfigError: If an argument is out of range.
    """

    started: Tensor

    def __init__(
        self, alpha: float, negative_level: int, start_epoch: int, start_fraction: float
    ) -> None:
        super().__init__()
        if alpha <= 0 or start_epoch < 0 or not 0 <= start_fraction <= 1:
            raise ConfigError(
                f"alpha={alpha} must be positive, start_epoch={start_epoch} at least 0 and "
                f"start_fraction={start_fraction} within [0, 1]."
            )
        self.alpha = alpha
        self.negative_level = negative_level
        self.start_epoch = start_epoch
        self.start_fraction = start_fraction
        self.epoch = 0
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))

    @torch.no_grad()
    def forward(
        self, batch: GlobalBatch, directions: Sequence[Direction], similarity: nn.Module
    ) -> bool:
        """Return whether the miner has begun, given the global batch and what compares it."""
        if not self.started:
            self.started |= self.epoch >= self.start_epoch
        if not self.started and self.start_fraction > 0:
            self.started |= (
                self._active_fraction(batch, directions, similarity) < self.start_fraction
            )
        return bool(self.started)

    def _active_fraction(
        self, batch: GlobalBatch, directions: Sequence[Direction], similarity: nn.Module
    ) -> Tensor:
        """Return the fraction of hard triplets; 1 where the batch has no triplets."""
        negative = batch.levels(batch.labels, batch.labels) < self.negative_level
        active = torch.zeros_like(negative, dtype=torch.int64)
        for pair in directions:
            values = similarity(*(batch.descriptors[view].float() for view in pair))
            gap = 2 * self.alpha * (values - values.diagonal()[:, None])
            active += (gap > -1) & negative
        triplets = negative.sum() * len(directions)
        return torch.where(triplets > 0, active.sum() / triplets, 1.0)
