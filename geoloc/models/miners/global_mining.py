"""Remember the whole training set, for a sampler that mines it."""

import sys
from collections.abc import Sequence

from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.miners.cross_batch_memory import CrossBatchMemory
from geoloc.models.miners.miner import Describe, GlobalBatch, Miner
from geoloc.registry import MINERS


@MINERS.register_module()
class GlobalMining(Miner):
    """Keep the last descriptor of every training image, written as the batches pass.

    ``GlobalMiningHook`` makes the candidates of ``GlobalMiningSampler`` from it before every
    epoch. It adds no loss.

    Args:
        views: Views of a pair, given by the model.
    """

    repeatable = True

    def __init__(self, views: Sequence[str]) -> None:
        super().__init__()
        self.memory = CrossBatchMemory(views, sys.maxsize, "sample")

    def set_similarity(self, similarity: nn.Module) -> None:
        """Refuse it.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            "model.miner: GlobalMining searches by inner products; leave out it or model.similarity"
        )

    def forward(self, batch: GlobalBatch, describe: Describe) -> Tensor:
        """Remember the global batch and return 0; ``describe`` is not used."""
        if self.recording:
            self.memory.enqueue(batch.rows, batch.labels, batch.descriptors)
        return next(iter(batch.descriptors.values())).new_zeros(())
