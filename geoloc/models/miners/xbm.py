"""Cross-batch memory: a pair loss against the descriptors of the last batches."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from geoloc.datasets.place_levels import Images
from geoloc.errors import ConfigError
from geoloc.models.losses.pair_loss import PairLoss
from geoloc.models.miners.cross_batch_memory import CrossBatchMemory, ViewMemory
from geoloc.models.miners.miner import Describe, GlobalBatch, Miner, mining_directions
from geoloc.models.miners.xbm_queue import XBMQueues
from geoloc.registry import LOSSES, MINERS


@MINERS.register_module()
class XBM(Miner):
    r"""Cross-batch memory (Wang et al., CVPR 2020): the batch against remembered descriptors.

    .. math::
        L = L(\text{batch}, \text{batch}) + w\, L(\text{batch}, \text{memory})

    This is the second term, the mean over the directions; the first is a loss of the model.
    Remembered descriptors are old and without gradient. Known from the official code: the losses
    and their order, K, the start; inferred: several views, each with a memory of its own.

    Args:
        views: Views of a pair, given by the model.
        loss: Config of a pair loss. The official term is ``CosineContrastiveLoss``.
        memory_size: K, the number of remembered images of each view.
        start_iteration: The memory is filled, and the term used, after that many steps.
        directions: Anchors, see :class:`DOCB`.
        official: Do as the official code: remember the batch *before* the loss, so that it also
            meets itself; overwrite the last slots instead of wrapping round (see
            :class:`XBMQueues`). By default the batch is remembered after the loss, and the memory
            holds exactly the last K images.

    Raises:
        ConfigError: If an argument is out of range or the loss takes no levels.
    """

    iteration: Tensor

    def __init__(
        self,
        views: Sequence[str],
        loss: Mapping[str, Any],
        memory_size: int = 8192,
        start_iteration: int = 2000,
        directions: str | Sequence[str] = "both",
        official: bool = False,
    ) -> None:
        super().__init__()
        if start_iteration < 0:
            raise ConfigError(f"start_iteration={start_iteration} must be at least 0.")
        self.directions = mining_directions(views, directions)
        self.memory: CrossBatchMemory | XBMQueues = (
            XBMQueues(views, memory_size)
            if official
            else CrossBatchMemory(views, memory_size, "sample")
        )
        self.loss = LOSSES.build(dict(loss))
        self.start_iteration = start_iteration
        self.official = official
        self.register_buffer("iteration", torch.zeros((), dtype=torch.int64))

    def set_similarity(self, similarity: nn.Module) -> None:
        """Let the loss compare by the similarity of the model.

        Raises:
            ConfigError: If it cannot.
        """
        if not isinstance(self.loss, PairLoss):
            raise ConfigError(
                f"model.miner.loss: to compare by model.similarity, {type(self.loss).__name__} "
                "must derive from geoloc.models.losses.PairLoss"
            )
        self.loss.similarity = similarity

    def forward(self, batch: GlobalBatch, describe: Describe) -> Tensor:
        """Return the loss of the batch against the memory, 0 before the start, and remember it.

        Args:
            batch: The global batch.
            describe: Not used; the memory is not described again.
        """
        self.iteration += 1
        loss = next(iter(batch.descriptors.values())).new_zeros(())
        if self.iteration <= self.start_iteration:
            return loss
        if self.official:
            self.memory.enqueue(batch.rows, batch.labels, batch.descriptors)
        if len(self.memory):
            terms = [self._against_memory(batch, *direction) for direction in self.directions]
            loss = torch.stack(terms).mean()
        if not self.official:
            self.memory.enqueue(batch.rows, batch.labels, batch.descriptors)
        return loss

    def _against_memory(self, batch: GlobalBatch, anchors: str, view: str) -> Tensor:
        memory = self.memory[view]
        rows = (
            memory.rows if isinstance(memory, ViewMemory) else None
        )  # the official queue has none
        levels = batch.levels.of_images(
            Images(batch.labels, batch.rows[anchors]), Images(memory.labels, rows)
        )
        term: Tensor = self.loss(batch.descriptors[anchors], memory.descriptors, levels)
        return term
