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


def enable_amp(cfg: Any, amp: bool | str = True) -> None:
    """Switch a run config to reduced precision, in place.

    Evaluation uses the same precision; losses always compute in float32. A CPU that does not
    compute in bfloat16 stays at float32, with a warning.

    Args:
        cfg: The run config.
        amp: True is float16 with dynamic loss scaling on a GPU, as the official codes train, and
            bfloat16 on a CPU. ``'bfloat16'`` is that on both.

    Raises:
        ConfigError: If ``amp`` is something else, the GPU does not compute in bfloat16, or the
            config has an optimiser wrapper of another kind, which reduced precision would replace.
    """
    if amp not in (True, "bfloat16"):
        raise ConfigError(f"amp={amp!r} must be True, False or 'bfloat16'")
    if (kind := cfg.optim_wrapper.get("type", PLAIN)) not in (PLAIN, "AmpOptimWrapper", BFLOAT16):
        raise ConfigError(
            f"amp={amp!r} would replace optim_wrapper.type={kind!r}, which trains in float32; "
            "set amp=False"
        )
    has_gpu = torch.cuda.is_available()
    if has_gpu and amp == "bfloat16" and not torch.cuda.is_bf16_supported():
        raise ConfigError("amp='bfloat16': this GPU does not compute in bfloat16; set amp=True")
    if not has_gpu and not computes_bfloat16():
        warnings.warn("this CPU does not compute in bfloat16; using float32", stacklevel=2)
        return
    if has_gpu and amp is True:
        cfg.optim_wrapper.type = "AmpOptimWrapper"
        cfg.optim_wrapper.loss_scale = "dynamic"
    else:
        cfg.optim_wrapper.type = BFLOAT16
    # what mmengine's evaluation takes on a GPU
    torch.set_autocast_dtype("cuda", torch.float16 if amp is True else torch.bfloat16)
    for loop in ("val_cfg", "test_cfg"):
        if cfg.get(loop) is not None:
            cfg[loop].fp16 = True


def computes_bfloat16() -> bool:
    """Return whether this CPU has instructions for bfloat16 (else autocast emulates, slowly)."""
    supported: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return supported
