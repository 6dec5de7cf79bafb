"""Give the model's miner what it needs from the run."""

from typing import Any

import torch
from mmengine.dist import all_gather, get_dist_info
from mmengine.hooks import Hook

from geoloc.engine.sharpness import SharpnessAwareOptimWrapper
from geoloc.errors import ConfigError
from geoloc.models.miners.miner import Miner
from geoloc.registry import HOOKS


@HOOKS.register_module()
class MinerHook(Hook):
    """Give the miner the training images and the epoch; without a miner it does nothing.

    After every epoch it compares the miner's state between the processes, which must be equal.
    """

    def before_train(self, runner: Any) -> None:
        """Hand over the dataset; images load again in as many processes as the batches'.

        Raises:
            ConfigError: If the optimiser needs two passes of a batch and the miner allows one.
        """
        if (miner := _miner(runner)) is not None:
            if isinstance(runner.optim_wrapper, SharpnessAwareOptimWrapper) and (
                not miner.repeatable
            ):
                raise ConfigError(
                    f"model.miner={type(miner).__name__} mines from what it remembers, which the "
                    "first of the two passes of optim_wrapper.type='SharpnessAwareOptimWrapper' "
                    "changes; use type='OptimWrapper' or another miner"
                )
            loader = runner.train_dataloader
            miner.set_dataset(loader.dataset, loader.num_workers)

    def before_train_epoch(self, runner: Any) -> None:
        """Tell the epoch."""
        if (miner := _miner(runner)) is not None:
            miner.set_epoch(runner.epoch)

    def after_train_epoch(self, runner: Any) -> None:
        """Compare the processes.

        Raises:
            RuntimeError: If their memories differ.
        """
        if (miner := _miner(runner)) is None or get_dist_info()[1] == 1:
            return
        device = next(runner.model.parameters()).device
        sums = [int(part) for part in all_gather(torch.tensor(miner.checksum(), device=device))]
        if len(set(sums)) > 1:
            raise RuntimeError(
                f"the miner's memory differs between the processes after epoch {runner.epoch + 1}: "
                f"checksums {sums}"
            )


def _miner(runner: Any) -> Miner | None:
    model = getattr(runner.model, "module", runner.model)
    miner: Miner | None = getattr(model, "miner", None)
    return miner
