"""Tell the sampler which training places the network confuses at the moment."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_reduce, broadcast
from mmengine.hooks import Hook
from mmengine.runner.amp import autocast
from torch import Tensor
from torch.utils.data import DataLoader

from geoloc.datasets.pipeline import PipelineConfigs
from geoloc.datasets.samplers import most_similar
from geoloc.engine.epoch_loop import goes_on_within_epoch
from geoloc.errors import ConfigError
from geoloc.registry import DATASETS, HOOKS

CHECKPOINT_KEY = "neighbours"


@HOOKS.register_module()
class NeighbourMiningHook(Hook):
    """Mine the most similar places for ``DynamicSimilaritySampler`` every few epochs.

    Before epochs ``start_epoch``, ``start_epoch + interval`` ... all training images are described
    with the current network, each process taking a share. The similarity of two places is the mean
    cosine between the images of the one in the first view and of the other in the other views;
    with one image per view, as in Sample4Geo (Deuser et al., ICCV 2023), it is their cosine. The
    images are prepared as for the evaluation: a random crop would measure itself.

    The table is saved in checkpoints, because a resumed run no longer has the weights it was made
    with.

    Args:
        start_epoch: First epoch (0-based) that uses mined neighbours; the sampler's own serve
            until then.
        interval: Epochs between two minings.
        pipelines: Transforms of each view; None takes those of ``val_dataloader``.
    """

    priority = "ABOVE_NORMAL"  # before the generators are seeded for the epoch: draws do not count

    def __init__(
        self, start_epoch: int = 4, interval: int = 4, pipelines: PipelineConfigs | None = None
    ) -> None:
        if start_epoch < 0 or interval < 1:
            raise ConfigError(
                f"NeighbourMiningHook start_epoch={start_epoch} must be at least 0 and "
                f"interval={interval} at least 1"
            )
        self.start_epoch = start_epoch
        self.interval = interval
        self.pipelines = pipelines
        self.table: Tensor | None = None

    def before_train(self, runner: Any) -> None:
        """Check the sampler, and give it the table that a resumed run had.

        Raises:
            ConfigError: If the sampler takes no neighbours.
        """
        sampler = runner.train_dataloader.sampler
        if not hasattr(sampler, "set_neighbours"):
            raise ConfigError(
                f"NeighbourMiningHook needs train_dataloader.sampler.type="
                f"'DynamicSimilaritySampler': {type(sampler).__name__} takes no neighbours"
            )
        if runner.iter == 0:
            self.table = None  # a checkpoint to start from may be of another dataset
        if self.table is not None:
            sampler.set_neighbours(self.table.numpy())

    def before_train_epoch(self, runner: Any) -> None:
        """Mine if it is the turn of this epoch, or if a resumed run has missed its turn."""
        if goes_on_within_epoch(runner):
            return
        since = runner.epoch - self.start_epoch
        if since >= 0 and (since % self.interval == 0 or self.table is None):
            self.table = self.mine(runner)
            runner.train_dataloader.sampler.set_neighbours(self.table.numpy())
            runner.logger.info(f"mined neighbours of {len(self.table)} places")

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Save the table."""
        if self.table is not None:
            checkpoint[CHECKPOINT_KEY] = self.table

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Keep the table for ``before_train``."""
        table = checkpoint.get(CHECKPOINT_KEY)
        self.table = None if table is None else table.cpu()

    def mine(self, runner: Any) -> Tensor:
        """Describe the training images and return the neighbour table, int64 ``[C,k]``."""
        dataset, sampler = runner.train_dataloader.dataset, runner.train_dataloader.sampler
        means = describe_places(runner, self._image_loader(runner), dataset.views)
        own = torch.arange(len(means[0]), device=means.device)
        others = means[1:] if len(means) > 1 else means  # one view is compared with itself
        table = most_similar(means[0], others.mean(dim=0), own, sampler.neighbour_range)
        broadcast(table)  # rounding may differ between machines, the batches must not
        return table.cpu()

    def _image_loader(self, runner: Any) -> DataLoader[Any]:
        """Return the loader of the evaluation, with every training image once."""
        training = runner.cfg.train_dataloader.dataset
        loader = copy.deepcopy(runner.cfg.val_dataloader)
        views = runner.train_dataloader.dataset.views
        pipelines = self.pipelines or loader.dataset.pipelines
        if missing := set(views) - set(pipelines):
            raise ConfigError(
                f"NeighbourMiningHook has no pipeline for the training view "
                f"{', '.join(sorted(missing))}; set its pipelines, or val_dataloader's"
            )
        loader.dataset = DATASETS.build(
            {
                "type": "ImageDataset",
                "source": training.source,
                "split": training.get("split", "train"),
                "pipelines": {view: pipelines[view] for view in views},
            }
        )
        # rounded up, some images would count twice
        loader.sampler = {"type": "DefaultSampler", "shuffle": False, "round_up": False}
        loader.update(drop_last=False, persistent_workers=False)
        built: DataLoader[Any] = runner.build_dataloader(loader, seed=runner.seed)
        return built


@torch.no_grad()
def describe_places(runner: Any, loader: Any, views: Sequence[str]) -> Tensor:
    """Return the mean descriptor of every place in every view, float32 ``[V,C,D]``.

    Processes add their shares up, in float64, so that their number does not matter.

    Args:
        runner: The runner, for its model and precision.
        loader: A data loader over an ``ImageDataset``, which holds every image once.
        views: The views to describe.
    """
    index = loader.dataset.index
    view_of = torch.from_numpy(np.array([views.index(view) for view in index.view.tolist()]))
    slots = view_of * len(index.places) + torch.from_numpy(index.place_labels)  # (view, place)
    counts = slots.bincount(minlength=len(views) * len(index.places))
    total = torch.zeros(0)
    training = runner.model.training
    runner.model.eval()
    for batch in loader:
        with autocast(enabled=getattr(runner.val_loop, "fp16", False)):
            outputs = runner.model.test_step(batch)
        for output in outputs:
            descriptors = output["descriptors"].double()
            if not len(total):
                total = descriptors.new_zeros(len(counts), descriptors.shape[1])
            slot = slots[output["rows"].cpu()]
            total.index_add_(0, slot.to(total.device), descriptors)
    runner.model.train(training)
    all_reduce(total)
    means = total / counts[:, None].to(total.device)
    return means.float().reshape(len(views), len(index.places), -1)
