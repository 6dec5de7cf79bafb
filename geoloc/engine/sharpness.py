"""Sharpness-aware minimisation: step by the gradient at the worst point nearby."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.repeated_pass import repeated_pass
from geoloc.registry import OPTIM_WRAPPERS

SMALLEST = 1e-12


@OPTIM_WRAPPERS.register_module()
class SharpnessAwareOptimWrapper(OptimWrapper):
    r"""SAM (Foret et al., ICLR 2021), or ASAM (Kwon et al., ICML 2021) as in TransGeo.

    With the gradient g at the weights w, the loss is computed once more at w + e,

    .. math::
        e = \rho \frac{g}{\lVert g \rVert} \text{ (SAM)}, \qquad
        e = \rho \frac{w^2 g}{\lVert \lvert w \rvert g \rVert} \text{ (ASAM)}

    with the norm over all parameters, and the optimiser takes a step from w with the gradient
    there, clipped if ``clip_grad`` says so. Every iteration costs two passes.

    It serves any model of mmengine: ``optim_context`` keeps the arguments of the model's forward
    pass, and ``update_params`` repeats it at w + e with new dropout, as the official code of
    TransGeo does. The second pass leaves no trace in the model (see
    :func:`geoloc.models.repeated_pass.repeated_pass`), and the log shows the first one's losses.

    Config snippet::

        optim_wrapper = dict(
            type='SharpnessAwareOptimWrapper', rho=2.5, optimizer=dict(type='AdamW', lr=1e-4))

    Args:
        rho: Radius of the neighbourhood.
        adaptive: ASAM, whose neighbourhood scales with every weight.
        options: Those of mmengine's ``OptimWrapper``, with its ``optimizer``.

    Raises:
        ConfigError: If ``rho`` is not positive or gradients are to be accumulated.
    """

    def __init__(self, rho: float = 2.5, adaptive: bool = True, **options: Any) -> None:
        super().__init__(**options)
        if rho <= 0:
            raise ConfigError(f"optim_wrapper.rho={rho} must be positive")
        if self._accumulative_counts != 1:
            raise ConfigError(
                f"optim_wrapper.accumulative_counts={self._accumulative_counts}: a sharpness-aware "
                "step cannot be spread over iterations; remove it"
            )
        self.rho = rho
        self.adaptive = adaptive
        self._repeat: Callable[[], Tensor] | None = None

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Watch the forward pass of ``model``, to repeat it in ``update_params``."""

        def keep(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            self._repeat = lambda: self._repeated_loss(model, args, kwargs)

        handle = model.register_forward_pre_hook(keep, with_kwargs=True)
        try:
            with super().optim_context(model):
                yield
        finally:
            handle.remove()

    def update_params(
        self,
        loss: Tensor,
        step_kwargs: dict[str, Any] | None = None,
        zero_kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Take one step.

        Args:
            loss: The loss of the forward pass in ``optim_context``, at the present weights.
            step_kwargs: Arguments of ``step``.
            zero_kwargs: Arguments of ``zero_grad``.

        Raises:
            RuntimeError: If there was no such forward pass since the last step.
        """
        repeat, self._repeat = self._repeat, None  # the batch must not outlive its step
        if repeat is None:
            raise RuntimeError(
                "a sharpness-aware step repeats the forward pass: call the model inside "
                "optim_context before every update_params, as mmengine's train_step does"
            )
        self.backward(loss)
        moves = self._climb()
        self.zero_grad(**(zero_kwargs or {}))
        self.backward(repeat())
        with torch.no_grad():
            for parameter, move in moves:
                parameter.sub_(move)
        self.step(**(step_kwargs or {}))
        self.zero_grad(**(zero_kwargs or {}))

    def _repeated_loss(
        self, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        with super().optim_context(model), repeated_pass(model):
            losses = model(*args, **kwargs)
        unwrapped: Any = getattr(model, "module", model)
        loss: Tensor = unwrapped.parse_losses(losses)[0]
        return loss

    @torch.no_grad()
    def _climb(self) -> list[tuple[nn.Parameter, Tensor]]:
        """Add e to the weights; return it per parameter."""
        moving = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        scaled = [self._scale(p) * p.grad for p in moving if p.grad is not None]
        norms = [values.norm() for values in scaled]
        length = torch.stack(norms).norm() if norms else torch.zeros(())
        moves = []
        for parameter, values in zip(moving, scaled, strict=True):
            move = self._scale(parameter) * values * (self.rho / (length + SMALLEST))
            parameter.add_(move)
            moves.append((parameter, move))
        return moves

    def _scale(self, parameter: nn.Parameter) -> Tensor:
        return parameter.abs() if self.adaptive else torch.ones_like(parameter)
