"""Average the weights of a training over its steps, for models that remember things."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from mmengine.hooks import EMAHook as MMEngineEMAHook
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.growing_buffers import GrowingBuffers
from geoloc.registry import HOOKS


class _Weights(NamedTuple):
    """A model as mmengine's averages see it: with its parameters, and without its buffers."""

    named_parameters: Callable[[], Iterator[tuple[str, nn.Parameter]]]

    def buffers(self) -> Iterator[Tensor]:
        return iter(())


@HOOKS.register_module()
class EMAHook(MMEngineEMAHook):
    """Evaluate and save an average of the weights over the steps, by default exponential.

    This is mmengine's hook with its options. That one pairs the buffers of model and average by
    position, but a model of geoloc gets some when training begins (levels, positions), and its
    memories grow: here the average takes them over by name.

    A checkpoint holds the average as its weights, so that testing, localizing and exporting use it,
    and the weights that training goes on from beside it, for ``--resume``.

    Args:
        begin_iter: Step that the averaging begins with, from 0; before it the average is the model.
        begin_epoch: Epoch that it begins with, instead.
        options: Those of mmengine's hook: ``ema_type``, and the options of that average such as
            ``momentum``, the weight of a new step (0.0002).

    Raises:
        ConfigError: If the buffers are to be averaged, too, or the averaging never begins.
    """

    def __init__(self, begin_iter: int = 0, begin_epoch: int = 0, **options: Any) -> None:
        if options.get("update_buffers"):
            raise ConfigError(
                "EMAHook update_buffers=True would average what losses and miners remember; leave "
                "it out: the average takes the buffers of the model, BatchNorm statistics included"
            )
        if begin_iter and begin_epoch:
            raise ConfigError(
                f"EMAHook begin_iter={begin_iter} and begin_epoch={begin_epoch} both say when the "
                "averaging begins; set one of them"
            )
        super().__init__(begin_iter=begin_iter, begin_epoch=begin_epoch, **options)

    def before_train(self, runner: Any) -> None:
        """Check that the averaging begins."""
        for unit, most in (("epoch", runner.max_epochs), ("iter", runner.max_iters)):
            if getattr(self, f"begin_{unit}") > most:
                raise ConfigError(
                    f"EMAHook begin_{unit}={getattr(self, f'begin_{unit}')} is beyond the end of "
                    f"the training, max_{unit}s={most}; lower it"
                )

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Take the weights and buffers of this step into the average."""
        average = self.ema_model.module
        take_buffers(average, self.src_model)
        if self._ema_started(runner):
            self.ema_model.update_parameters(_Weights(self.src_model.named_parameters))
            return
        with torch.no_grad():
            for mean, weight in zip(average.parameters(), self.src_model.parameters(), strict=True):
                mean.copy_(weight)

    def after_train_epoch(self, runner: Any) -> None:
        """Take over what other hooks changed at the end of the epoch, before it is saved."""
        take_buffers(self.ema_model.module, self.src_model)


@torch.no_grad()
def take_buffers(copy: nn.Module, model: nn.Module) -> None:
    """Give a copy of a model the present content of those buffers that both have.

    Args:
        copy: A copy from before the model's training began.
        model: The model.
    """
    modules = dict(model.named_modules())
    for name, module in copy.named_modules():
        source = modules[name]
        growing = source.growing_buffers if isinstance(source, GrowingBuffers) else ()
        for key, buffer in module._buffers.items():
            value = source._buffers[key]
            if key in growing:
                setattr(module, key, None if value is None else value.clone())
            elif buffer is not None and value is not None:
                buffer.copy_(value)
