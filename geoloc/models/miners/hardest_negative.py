"""Search for the hardest negative of every anchor."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from geoloc.datasets.place_levels import Images, PlaceLevels, place_levels
from geoloc.errors import ConfigError
from geoloc.models.gather import gather_rows, own_rows
from geoloc.models.losses.precision import full_precision
from geoloc.models.losses.similarity import cosine
from geoloc.models.miners.cross_batch_memory import CrossBatchMemory
from geoloc.models.miners.miner import Direction, GlobalBatch

PAIRS = 2**17  # compared at a time: with 64 columns of float32 an azimuth takes 32 MB


@torch.no_grad()
def hardest_negative(
    anchors: Tensor,
    candidates: Tensor,
    allowed: Tensor,
    similarity: Callable[[Tensor, Tensor], Tensor] = cosine,
) -> tuple[Tensor, Tensor]:
    """Return for every anchor the position of the nearest candidate that is allowed.

    Known (DOCB paper): the hardest negative under the current state of the network. Inferred: the
    search compares float32 values without gradient, and of equally near candidates takes the
    first, which in a memory is the youngest.

    Args:
        anchors: Descriptors ``[n, D]``.
        candidates: Descriptors ``[m, D]``, m >= 1.
        allowed: Bool ``[n, m]``.
        similarity: Maps descriptors ``[n, D]`` and ``[k, D]`` to similarities ``[n, k]``.

    Returns:
        Positions int64 ``[n]``, and bool ``[n]``: False where no candidate is allowed.
    """
    with full_precision(anchors, candidates) as (anchors, candidates):
        blocks = torch.split(candidates, max(1, PAIRS // max(1, len(anchors))))
        values = torch.cat([similarity(anchors, block) for block in blocks], dim=1)
    values.masked_fill_(~allowed, -torch.inf)
    nearest = values == values.amax(dim=1, keepdim=True)
    position = torch.arange(len(candidates), device=anchors.device)
    first = torch.where(nearest, position, len(candidates) - 1).amin(dim=1)
    return first, allowed.any(dim=1)


class MinedNegatives(NamedTuple):
    """The hardest negative of every anchor of the global batch, in one direction.

    Attributes:
        positions: Their positions in the memory of their view, int64 ``[N]``.
        found: False where the memory has no valid negative, bool ``[N]``.
    """

    positions: Tensor
    found: Tensor


class HardestNegatives(nn.Module):
    """The search for hardest negatives in a cross-batch memory.

    Never chosen is an image of the anchor's place, of the current batch, or of a place near the
    anchor (inferred, as the paper does not say; 25 m for CVACT is known from SAFA's in-batch
    loss).

    Args:
        negative_level: Only places below this level are negatives; 1 for level 0 only.
        exclusion_radius_m: Metres around an anchor within which there are no negatives either;
            None leaves it to the level.

    Raises:
        ConfigError: If no place can be a negative, or the radius is not positive.
    """

    def __init__(self, negative_level: int, exclusion_radius_m: float | None) -> None:
        super().__init__()
        if negative_level < 1 or (exclusion_radius_m is not None and exclusion_radius_m <= 0):
            raise ConfigError(
                f"negative_level={negative_level} must be at least 1 and "
                f"exclusion_radius_m={exclusion_radius_m} positive or None."
            )
        self.negative_level = negative_level
        self.exclusion_radius_m = exclusion_radius_m
        self.nearby: PlaceLevels | None = None

    def set_dataset(self, dataset: Any, device: torch.device) -> None:
        """Receive the training dataset, whose positions the radius needs.

        Raises:
            ConfigError: If it has none.
        """
        if self.exclusion_radius_m is None:
            return
        if not dataset.index.has_positions:
            raise ConfigError(
                f"model.miner.exclusion_radius_m={self.exclusion_radius_m} needs positions, but "
                "the dataset has none; leave it out"
            )
        self.nearby = place_levels(dataset.index, (self.exclusion_radius_m,)).to(device)

    def forward(
        self,
        batch: GlobalBatch,
        memory: CrossBatchMemory,
        direction: Direction,
        similarity: Callable[[Tensor, Tensor], Tensor] = cosine,
    ) -> MinedNegatives:
        """Return the hardest valid negative of every anchor of the global batch.

        Every process searches for its own anchors; the results are gathered.

        Args:
            batch: The global batch.
            memory: Not empty.
            direction: (view of the anchors, view of the negatives).
            similarity: What is highest for the hardest, see :func:`hardest_negative`.
        """
        anchor_view, view = direction
        candidates = memory[view]
        labels = own_rows(batch.labels)
        levels = batch.levels.of_images(
            Images(labels, own_rows(batch.rows[anchor_view])),
            Images(candidates.labels, candidates.rows),
        )
        allowed = levels < self.negative_level
        allowed &= labels[:, None] != candidates.labels
        allowed &= ~torch.isin(candidates.rows, batch.rows[view])
        if self.nearby is not None:
            allowed &= self.nearby(labels, candidates.labels) == 0
        anchors = own_rows(batch.descriptors[anchor_view].detach())
        positions, found = hardest_negative(anchors, candidates.descriptors, allowed, similarity)
        return MinedNegatives(gather_rows(positions), gather_rows(found))
