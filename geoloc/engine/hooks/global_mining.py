"""Tell the sampler which places the network took for which in the last epoch."""

from typing import Any

import numpy as np
import torch
from mmengine.dist import broadcast
from mmengine.hooks import Hook
from torch import Tensor

from geoloc.datasets.samplers.global_mining import UNKNOWN, pool_candidates
from geoloc.engine.epoch_loop import goes_on_within_epoch
from geoloc.errors import ConfigError
from geoloc.models.miners.global_mining import GlobalMining
from geoloc.registry import HOOKS


@HOOKS.register_module()
class GlobalMiningHook(Hook):
    """Give ``GlobalMiningSampler`` new candidates before every epoch but the first.

    Each image of the first view is compared with a random pool of images of the other views, by
    the descriptors that the model's miner ``GlobalMining`` remembered when they last were in a
    batch. They are part of the checkpoint, so a resumed run mines the same.
    """

    def before_train(self, runner: Any) -> None:
        """Check that miner and sampler are there.

        Raises:
            ConfigError: If one of them is of another kind.
        """
        miner = getattr(runner.model, "module", runner.model).miner
        sampler = runner.train_dataloader.sampler
        if not isinstance(miner, GlobalMining) or not hasattr(sampler, "set_candidates"):
            raise ConfigError(
                "GlobalMiningHook needs model.miner=dict(type='GlobalMining') and "
                "train_dataloader.sampler=dict(type='GlobalMiningSampler'), got "
                f"{type(miner).__name__} and {type(sampler).__name__}"
            )

    def before_train_epoch(self, runner: Any) -> None:
        """Mine candidates, if anything is remembered yet."""
        miner: GlobalMining = getattr(runner.model, "module", runner.model).miner
        if len(miner.memory) and not goes_on_within_epoch(runner):
            table = self.mine(runner, miner)
            broadcast(table)  # rounding may differ between machines, the batches must not
            runner.train_dataloader.sampler.set_candidates(table.cpu().numpy())

    def mine(self, runner: Any, miner: GlobalMining) -> Tensor:
        """Return the candidates of every item of the dataset, int64 ``[n, k]``."""
        dataset, sampler = runner.train_dataloader.dataset, runner.train_dataloader.sampler
        query, *others = (miner.memory[view] for view in dataset.views)
        candidates = pool_candidates(
            query.descriptors,
            torch.cat([view.descriptors for view in others]),
            torch.cat([view.labels for view in others]),
            sampler.keep,
            sampler.pool,
            np.random.default_rng([runner.seed, runner.epoch]),
        )
        rows_of_items = np.flatnonzero(dataset.index.view == dataset.views[0])
        items = np.searchsorted(rows_of_items, query.rows.cpu().numpy())
        table = candidates.new_full((len(dataset), candidates.shape[1]), UNKNOWN)
        table[torch.from_numpy(items).to(table.device)] = candidates
        return table
