"""Reduced precision by one switch, on GPUs and CPUs."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper

from geoloc.errors import ConfigError
from geoloc.registry import OPTIM_WRAPPERS

PLAIN, BFLOAT16 = "OptimWrapper", "BFloat16OptimWrapper"


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Run the forward pass under bfloat16 autocast; bfloat16 needs no loss scaling."""

    @contextmanager
    def optim_context(self, model: torch.nn.Module) -> Iterator[None]:
        """Enter autocast on the device of ``model``."""
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, dtype=torch.bfloat16):
            yield


def enable_amp(cfg: Any) -> None:
    """Switch a run config to reduced precision, in place.

    On a GPU that is float16 with dynamic loss scaling, as the official codes train; on a CPU it
    is bfloat16, where the processor computes with it, and float32 with a warning where it does
    not. Evaluation uses the same precision. Losses always compute in float32.

    Raises:
        ConfigError: If the config has an optimiser wrapper of another kind, which reduced
            precision would replace.
    """
    if (kind := cfg.optim_wrapper.get("type", PLAIN)) not in (PLAIN, "AmpOptimWrapper", BFLOAT16):
        raise ConfigError(
            f"amp=True would replace optim_wrapper.type={kind!r}, which trains in float32; "
            "set amp=False"
        )
    if torch.cuda.is_available():
        cfg.optim_wrapper.type = "AmpOptimWrapper"
        cfg.optim_wrapper.loss_scale = "dynamic"
    elif computes_bfloat16():
        cfg.optim_wrapper.type = BFLOAT16
    else:
        warnings.warn("this CPU does not compute in bfloat16; using float32", stacklevel=2)
        return
    for loop in ("val_cfg", "test_cfg"):
        if cfg.get(loop) is not None:
            cfg[loop].fp16 = True


def computes_bfloat16() -> bool:
    """Return whether this CPU has instructions for bfloat16 (else autocast emulates, slowly)."""
    supported: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return supported
