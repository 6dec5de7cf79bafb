"""BatchNorm during extra passes through a network."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
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


class ReplayedBatchNorm:
    """Repeat a pass through a network later, as far as BatchNorm is concerned, without a trace.

    Every layer normalises as it does now, when this object is made; inside ``with`` it records no
    running statistics. Unlike in :func:`unrecorded_batch_norm` layers keep the same tensors for
    the backward pass as the first time, which ``torch.utils.checkpoint`` counts.

    Args:
        model: The network.
    """

    def __init__(self, model: nn.Module) -> None:
        self.layers = {
            layer: layer.track_running_stats
            for layer in model.modules()
            if isinstance(layer, _BatchNorm) and layer.training
        }

    def __enter__(self) -> None:
        self.before = [
            (layer, layer.track_running_stats, layer.momentum, layer.num_batches_tracked)
            for layer in self.layers
        ]
        for layer, tracked in self.layers.items():
            layer.track_running_stats = tracked
            layer.momentum, layer.num_batches_tracked = 0.0, None

    def __exit__(self, *error: object) -> None:
        for layer, tracked, momentum, batches in self.before:
            layer.track_running_stats = tracked
            layer.momentum, layer.num_batches_tracked = momentum, batches


def running_statistics(model: nn.Module) -> list[Tensor]:
    """Return the running means and variances of all BatchNorm layers, not copies of them."""
    return [
        statistic
        for layer in model.modules()
        if isinstance(layer, _BatchNorm)
        for statistic in (layer.running_mean, layer.running_var)
        if statistic is not None
    ]
