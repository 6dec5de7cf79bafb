"""Learning rates per part of the model, and a cosine schedule that respects them."""

import math
from typing import Any

from mmengine.optim import OptimWrapper
from mmengine.optim.scheduler import CosineAnnealingLR
from mmengine.registry import OPTIM_WRAPPERS as ALL_OPTIM_WRAPPERS
from mmengine.registry import OPTIMIZERS as ALL_OPTIMIZERS
from torch import nn

from geoloc.errors import ConfigError
from geoloc.registry import OPTIM_WRAPPER_CONSTRUCTORS, PARAM_SCHEDULERS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class PartwiseOptimWrapperConstructor:
    """Build one optimiser whose options differ by part of the model.

    Config snippet::

        optim_wrapper = dict(
            constructor='PartwiseOptimWrapperConstructor',
            optimizer=dict(type='Adam', lr=1e-4, weight_decay=1e-4),
            paramwise_cfg={'backbone': dict(lr=5e-5),
                           'losses.clustering': dict(lr=10.0, weight_decay=0.0, eta_min=0.1)})

    Args:
        optim_wrapper_cfg: Config with ``optimizer`` and, optionally, ``type``.
        paramwise_cfg: Options of the optimiser by dotted prefix of the parameter names; the
            longest prefix that fits decides. ``eta_min`` is the final value for
            ``PartwiseCosineLR``.

    Raises:
        ConfigError: If a prefix fits no parameter.
    """

    def __init__(
        self, optim_wrapper_cfg: dict[str, Any], paramwise_cfg: dict[str, Any] | None = None
    ) -> None:
        self.cfg = dict(optim_wrapper_cfg)
        self.optimizer_cfg = dict(self.cfg.pop("optimizer"))
        self.parts = {part: dict(options) for part, options in (paramwise_cfg or {}).items()}

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Group the trainable parameters of ``model`` by part and build the wrapper."""
        model = getattr(model, "module", model)
        groups: dict[str, list[nn.Parameter]] = {part: [] for part in ("", *self.parts)}
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                fitting = [part for part in self.parts if f"{name}.".startswith(f"{part}.")]
                groups[max(fitting, key=len, default="")].append(parameter)
        for part in self.parts:
            if not groups[part]:
                known = sorted({name.split(".")[0] for name, _ in model.named_parameters()})
                raise ConfigError(
                    f"optim_wrapper.paramwise_cfg[{part!r}] fits no parameter of the model; its "
                    f"parts are {known}"
                )
        params = [
            {"params": members, **self.parts.get(part, {})}
            for part, members in groups.items()
            if members
        ]
        optimizer = ALL_OPTIMIZERS.build({**self.optimizer_cfg, "params": params})
        return ALL_OPTIM_WRAPPERS.build(
            {"type": "OptimWrapper", **self.cfg, "optimizer": optimizer}
        )


@PARAM_SCHEDULERS.register_module()
class PartwiseCosineLR(CosineAnnealingLR):
    """Cosine annealing from each group's own learning rate to its own ``eta_min``.

    With n steps taken since ``begin``, every group g has the learning rate
    ``eta_g + (lr_g - eta_g) (1 + cos(pi n / T_max)) / 2``; ``eta_g`` is the group's ``eta_min``
    option or, without one, the scheduler's.
    """

    def _get_value(self) -> list[float]:
        progress = min(self.last_step, self.T_max) / self.T_max
        share = (1 + math.cos(math.pi * progress)) / 2
        floors = [group.get("eta_min", self.eta_min) for group in self.optimizer.param_groups]
        return [
            floor + (base - floor) * share
            for base, floor in zip(self.base_values, floors, strict=True)
        ]
