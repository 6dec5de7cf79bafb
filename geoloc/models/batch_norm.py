"""BatchNorm during extra passes through a network."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def frozen_batch_norm(model: nn.Module) -> Iterator[None]:
    """Let every BatchNorm layer use its running statistics and leave them as they are.

    The images of such a pass do not influence each other, so it does not matter how many there
    are, nor which process describes them.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, _BatchNorm)]
    training = [layer for layer in layers if layer.training]
    for layer in training:
        layer.eval()
    try:
        yield
    finally:
        for layer in training:
            layer.train()
