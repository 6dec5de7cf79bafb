"""Sharpness-aware minimisation: step by the gradient at the worst point nearby."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from geoloc.errors import ConfigError

SMALLEST = 1e-12


class SharpnessAwareOptimWrapper(OptimWrapper):
    r"""SAM (Foret et al., ICLR 2021), or ASAM (Kwon et al., ICML 2021) as in TransGeo.

    With the gradient g at the weights w, the loss is computed once more at w + e,

    .. math::
        e = \rho \frac{g}{\lVert g \rVert} \text{ (SAM)}, \qquad
        e = \rho \frac{w^2 g}{\lVert \lvert w \rvert g \rVert} \text{ (ASAM)}

    with the norm over all parameters, and the optimiser takes a step from w with the gradient
    there. Every iteration costs two passes, so that a training step calls :meth:`update_twice`
    instead of ``update_params``.

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

    def update_twice(self, closure: Callable[[], Tensor]) -> Tensor:
        """Take one step.

        Args:
            closure: Computes the scalar loss of the batch at the present weights.

        Returns:
            The loss at the weights before the step, detached.
        """
        first = closure()
        self.backward(first)
        moves = self._climb()
        self.zero_grad()
        self.backward(closure())
        with torch.no_grad():
            for parameter, move in moves:
                parameter.sub_(move)
        self.step()
        self.zero_grad()
        return first.detach()

    @torch.no_grad()
    def _climb(self) -> list[tuple[nn.Parameter, Tensor]]:
        """Add e to the weights; return it per parameter."""
        moving = list(self._moving())
        scaled = [self._scale(p) * p.grad for p in moving if p.grad is not None]
        norms = [values.norm() for values in scaled]
        length = torch.stack(norms).norm() if norms else torch.zeros(())
        moves = []
        for parameter, values in zip(moving, scaled, strict=True):
            move = self._scale(parameter) * values * (self.rho / (length + SMALLEST))
            parameter.add_(move)
            moves.append((parameter, move))
        return moves

    def _moving(self) -> Iterator[nn.Parameter]:
        for group in self.param_groups:
            yield from (p for p in group["params"] if p.grad is not None)

    def _scale(self, parameter: nn.Parameter) -> Tensor:
        return parameter.abs() if self.adaptive else torch.ones_like(parameter)
