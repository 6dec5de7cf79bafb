"""What a loss between photos and positions is computed from."""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from geoloc.geo.great_circle import great_circle_km
from geoloc.models.gps_queue import Queued


class Contrast(NamedTuple):
    """The pairs of B anchors and M candidates, which a loss takes as ``from_logits(**pairs)``.

    Attributes:
        logits: Scaled cosines ``[B, M]``, of displaced positions; ``-inf`` for no candidate.
        feature_distance: Cosine distance ``[B, M]`` of raw image features, NaN-free; None where
            the loss takes no features.
        ground_distance_km: Distance ``[B, M]`` of the positions without noise.
        positives: bool ``[B, M]``.
        known: Where ``feature_distance`` compares stored features, bool ``[B, M]``; None for
            everywhere.
    """

    logits: Tensor
    feature_distance: Tensor | None
    ground_distance_km: Tensor | None
    positives: Tensor
    known: Tensor | None

    @classmethod
    def of(
        cls, logits: Tensor, latlon: Tensor, queued: Queued, features: Tensor | None
    ) -> "Contrast":
        """Compare a batch with itself and the queue.

        Args:
            logits: ``[B, B + Q]``.
            latlon: (lat, lon) ``[B, 2]`` of the batch in degrees, without noise.
            queued: The queue before it took the batch.
            features: Image features ``[B, D]`` of the batch, or None for a loss without them.
        """
        size = len(latlon)
        own = torch.ones(size, dtype=torch.bool, device=logits.device)
        logits = logits.masked_fill(~torch.cat([own, queued.valid]), -torch.inf)
        positives = torch.eye(*logits.shape, dtype=torch.bool, device=logits.device)
        if features is None:
            return cls(logits, None, None, positives, None)
        with torch.no_grad():
            ground = great_circle_km(latlon, torch.cat([latlon, queued.latlon]))
            stored = queued.features
            if not stored.shape[1]:  # the first step: nothing is known yet
                stored = features.new_zeros(len(queued.latlon), features.shape[1])
            distance = 1 - F.normalize(features) @ F.normalize(torch.cat([features, stored])).T
        known = torch.cat([own, queued.known]).expand(logits.shape) if len(queued.known) else None
        return cls(logits, distance, ground.to(distance), positives, known)

    def of_positions(self) -> "Contrast":
        """Return the opposite direction: the batch's positions as anchors, its photos to find."""
        size = len(self.logits)

        def turned(part: Tensor | None) -> Any:
            return None if part is None else part[:, :size].T

        # every photo of the batch has its features
        return Contrast(*map(turned, self[:4]), known=None)  # type: ignore[misc]


def plain_infonce(logits: Tensor, positives: Tensor) -> Tensor:
    """Return the mean cross-entropy of picking the one positive of every row.

    Args:
        logits: ``[B, M]``; ``-inf`` for no candidate.
        positives: bool ``[B, M]``, one true entry per row.
    """
    return F.cross_entropy(logits, positives.int().argmax(dim=1))
