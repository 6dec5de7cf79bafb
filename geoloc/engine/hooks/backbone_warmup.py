"""Train head and losses alone for the first epochs."""

from typing import Any

from mmengine.hooks import Hook
from torch import nn

from geoloc.registry import HOOKS


@HOOKS.register_module()
class BackboneWarmupHook(Hook):
    """Leave the backbone as it is during the first epochs, as the DyCL and HAPPIER codes do.

    Gradients of the backbone are dropped just before the optimiser steps, so neither its weights
    nor the optimiser's moments move. (Switching ``requires_grad`` off instead would break the
    gradient buckets of distributed training.)

    Args:
        epochs: Number of warm-up epochs.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def before_train(self, runner: Any) -> None:
        """Attach the filter to the optimiser."""
        model = getattr(runner.model, "module", runner.model)
        backbone: nn.Module = model.backbone

        def drop_backbone_gradients(*_: Any) -> None:
            if runner.epoch < self.epochs:
                for parameter in backbone.parameters():
                    parameter.grad = None

        runner.optim_wrapper.optimizer.register_step_pre_hook(drop_backbone_gradients)
