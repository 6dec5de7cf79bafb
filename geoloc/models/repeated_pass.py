"""A batch that goes through the model once more."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from geoloc.models.batch_norm import unrecorded_batch_norm
from geoloc.models.miners.miner import Miner


@contextmanager
def repeated_pass(model: nn.Module) -> Iterator[None]:
    """Let the model compute as it does at this moment, but remember nothing of the batch.

    BatchNorm records no running statistics and miners record no descriptors: the weights of a
    second pass are not those of the network (see ``SharpnessAwareOptimWrapper``).
    """
    miners = [module for module in model.modules() if isinstance(module, Miner)]
    for miner in miners:
        miner.recording = False
    try:
        with unrecorded_batch_norm(model):
            yield
    finally:
        for miner in miners:
            miner.recording = True
