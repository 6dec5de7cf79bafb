"""Trainings whose parameters are spread over the processes (FSDP), by mmengine's strategies."""

from typing import Any

import torch
from mmengine._strategy import FSDPStrategy as MMEngineFSDPStrategy
from mmengine.dist import all_gather_object
from mmengine.registry import DefaultScope
from mmengine.runner import FlexibleRunner as MMEngineFlexibleRunner
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel

from geoloc.engine.epoch_loop import by_epochs
from geoloc.registry import RUNNERS, SCOPE, STRATEGIES


@RUNNERS.register_module()
class FlexibleRunner(MMEngineFlexibleRunner):
    """mmengine's runner of strategies, whose epochs lose nothing when a run is killed."""

    def build_strategy(self, *args: Any, **kwargs: Any) -> Any:
        """Build the strategy, looked up among geoloc's first: mmengine sets the scope later."""
        with DefaultScope.overwrite_default_scope(SCOPE):
            return super().build_strategy(*args, **kwargs)

    def build_train_loop(self, loop: Any) -> Any:
        """Build the loop of the training; one by epochs is ``EpochLoop``."""
        return super().build_train_loop(by_epochs(loop))


@STRATEGIES.register_module()
class FSDPStrategy(MMEngineFSDPStrategy):
    """mmengine's strategy, with an optimiser that survives being saved and loaded.

    Three things would spoil it: mmengine 0.10.7 hands the optimiser's state to torch where torch
    expects the model; torch mixes up the state of weights in NHWC order; and on CPUs torch 2.14
    gathers all tensors of a parameter's state in one buffer, so that they all end as the last one.
    """

    def _wrap_model(self, model: nn.Module) -> Any:
        return super()._wrap_model(model.to(memory_format=torch.contiguous_format))

    def build_optim_wrapper(self, optim_wrapper: Any, model: nn.Module | None = None) -> Any:
        """Build the wrapper, as mmengine does; it clips by the norm of all shards."""
        built = super().build_optim_wrapper(optim_wrapper, model)
        if built.clip_grad_kwargs and built.clip_func is nn.utils.clip_grad_norm_:
            built.clip_func = self._clip_all
        return built

    def _clip_all(self, _: Any, max_norm: float, norm_type: float = 2.0) -> Tensor:
        norm: Tensor = self.model.clip_grad_norm_(max_norm, norm_type)
        return norm

    def optim_state_dict(self) -> dict[str, Any]:
        """Return the state of the optimiser of all processes, on the first; all must call it."""
        optimizer = self.optim_wrapper.optimizer
        own = optimizer.state_dict()
        gathered: dict[str, Any] = {}
        for name in _state_names(own) or [""]:  # one at a time; SGD may have none
            states = own["state"].items()
            part = {key: {name: state[name]} for key, state in states if name in state}
            found = FullyShardedDataParallel.optim_state_dict(
                self.model, optimizer, {**own, "state": part}
            )
            for key, state in found.get("state", {}).items():
                gathered.setdefault("state", {}).setdefault(key, {}).update(state)
            if "param_groups" in found:
                gathered.update({"state": {}, **gathered, "param_groups": found["param_groups"]})
        return gathered

    def load_optim_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what ``optim_state_dict`` returned."""
        optimizer = self.optim_wrapper.optimizer
        own = FullyShardedDataParallel.optim_state_dict_to_load(self.model, optimizer, state_dict)
        optimizer.load_state_dict(own)


def _state_names(state_dict: dict[str, Any]) -> list[str]:
    """Return what the optimiser keeps for its parameters, whichever process has some of them."""
    own = sorted({name for state in state_dict["state"].values() for name in state})
    return sorted(set().union(*all_gather_object(own)))
