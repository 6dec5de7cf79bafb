"""Start the processes' communication."""

import ctypes
import os
import signal
import sys
from typing import Any

import torch
import torch.distributed as dist

from geoloc.errors import ConfigError

PR_SET_PDEATHSIG = 1  # of linux/prctl.h
# Of tools/launch.py: the number of its process, and when it began, in seconds since 1970.
LAUNCHER, LAUNCH_TIME = "GEOLOC_LAUNCHER", "GEOLOC_LAUNCH_TIME"


def init_distributed(cfg: Any, launcher: str) -> None:
    """Prepare a run config for one or several processes, in place.

    GPUs are left to mmengine (NCCL). On CPUs mmengine would ask for a GPU, so the gloo group is
    opened here first, and the model wrapper is told to use no device.

    Args:
        cfg: The run config; ``launcher`` and ``model_wrapper_cfg`` are set.
        launcher: ``none`` or ``pytorch`` (torchrun).

    Raises:
        ConfigError: If ``launcher`` is ``pytorch`` outside torchrun, or ``sync_bn`` cannot work.
    """
    cfg.launcher = launcher
    if launcher == "none":
        return
    if "RANK" not in os.environ:
        raise ConfigError(
            "--launcher pytorch needs the environment that torchrun sets; "
            "start with tools/dist_train.sh CONFIG NUMBER_OF_PROCESSES"
        )
    end_with_launcher()
    sync_bn = cfg.get("sync_bn")
    if sync_bn not in (None, "torch"):  # mmcv-lite has no SyncBatchNorm of its own
        raise ConfigError(f"sync_bn={sync_bn!r} must be 'torch', or None for a BatchNorm of each")
    if torch.cuda.is_available():
        return
    if sync_bn is not None:
        raise ConfigError(
            f"sync_bn={sync_bn!r} needs GPUs, and this machine has none: set sync_bn=None, and "
            "model.backbone.norm_eval=True for the same gradients on any number of processes"
        )
    if not dist.is_initialized():  # else these processes have run something before
        dist.init_process_group("gloo")
    # Buffers as on GPUs, where mmengine leaves those of every process alone.
    cfg.model_wrapper_cfg = {
        "type": "MMDistributedDataParallel",
        "device_ids": None,
        "broadcast_buffers": False,
    }


def end_with_launcher() -> None:
    """Let Linux end this process when the one that started it dies.

    torchrun gives its processes sessions of their own: where it is killed, they would go on unseen,
    write into the folder of the run that takes their place, and answer to its processes.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.environ.get(LAUNCHER, str(os.getppid())) != str(os.getppid()):
        sys.exit("the launcher of this process has died")


def end_together() -> None:
    """Wait for the other processes and close what they communicate by.

    A process that ends while others still use the connection takes them along: the threads of gloo
    and NCCL end in an abort.
    """
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
