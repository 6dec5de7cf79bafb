"""Make every epoch's randomness a function of (seed, epoch)."""

import random
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook

from geoloc.registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed all generators, and tell the dataset the epoch, before every training epoch.

    An epoch then draws the same random numbers whether the run reached it in one go or was
    resumed, so no generator state has to be saved.
    """

    def before_train_epoch(self, runner: Any) -> None:
        """Seed Python's, numpy's and torch's generators from (seed, epoch, rank)."""
        sequence = np.random.SeedSequence([runner.seed, runner.epoch, get_rank()])
        state = int(sequence.generate_state(1)[0])
        random.seed(state)
        np.random.seed(state)  # noqa: NPY002 (the transforms of mmcv draw from the global one)
        torch.manual_seed(state)
        dataset = runner.train_dataloader.dataset
        if hasattr(dataset, "set_epoch"):
            dataset.set_epoch(runner.epoch)
