"""BatchNorm during extra passes through a network."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def unrecorded_batch_norm(model: nn.Module) -> Iterator[None]:
    """Let every BatchNorm layer work as it does at this moment, but record no running statistics.

    A layer in training normalises by the statistics of the pass's own images, one in evaluation
    (``norm_eval=True``) by its running ones. Descriptors of such a pass are therefore comparable
    with those of the batch: a network could tell running from batch statistics by themselves, and
    would learn to keep the two kinds of descriptors apart instead of the places.
    """
    layers = [
        layer
        for layer in model.modules()
        if isinstance(layer, _BatchNorm) and layer.training and layer.track_running_stats
    ]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True
