"""Epochs that a resumed run can go on within."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.runner import EpochBasedTrainLoop
from torch.utils.data import DataLoader

from geoloc.engine.generators import generator_states, restore_generators
from geoloc.errors import CheckpointError
from geoloc.models.batch_norm import running_statistics
from geoloc.registry import LOOPS


@LOOPS.register_module()
class EpochLoop(EpochBasedTrainLoop):
    """mmengine's epochs, which lose nothing when a run is killed.

    A run that goes on from within an epoch takes the batches that were left, with the generators
    of every process as they were. One that goes on from the end of an epoch first runs the
    evaluation that was due there, because it may have been killed before or during it. Accumulated
    gradients never reach over the end of an epoch, where checkpoints are written: its last step may
    be of fewer iterations.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._done = 0  # batches of this epoch
        self._rest: dict[str, Any] | None = None
        self._resumed: list[list[int]] = []  # all batches of an epoch that was gone on within

    @property
    def goes_on(self) -> bool:
        """Whether the next epoch is the rest of one."""
        return self._rest is not None

    def position(self) -> list[dict[str, Any]]:
        """Return where every process is within this epoch; all processes must call it.

        Samplers give an epoch's batches again when they are asked again, but what some of them
        mined is no longer there in a resumed run: the batches themselves are kept.

        Returns:
            For every process ``done``, the ``items`` of the batches that are left, int64 ``[n]``,
            with the ``lengths`` of these batches, int64 ``[b]``, its ``generators``, and the
            running ``statistics`` of its BatchNorm layers, which differ until the epoch ends.
        """
        left = (self._resumed or list(self.dataloader.batch_sampler))[self._done :]
        own = {
            "done": self._done,
            "items": torch.tensor([item for batch in left for item in batch], dtype=torch.int64),
            "lengths": torch.tensor([len(batch) for batch in left], dtype=torch.int64),
            "generators": generator_states(),
            "statistics": [part.cpu() for part in running_statistics(self.runner.model)],
        }
        positions: list[dict[str, Any]] = all_gather_object(own)
        return positions

    def go_on_from(self, positions: list[dict[str, Any]]) -> None:
        """Begin the next epoch where ``position`` was taken.

        Raises:
            CheckpointError: If the run had another number of processes, or of batches.
        """
        if len(positions) != get_world_size():
            raise CheckpointError(
                f"the checkpoint was written within an epoch by {len(positions)} process(es), and "
                f"this run has {get_world_size()}: start as many, or name the checkpoint of a "
                "whole epoch after --resume"
            )
        own = positions[get_rank()]
        if (batches := own["done"] + len(own["lengths"])) != len(self.dataloader):
            raise CheckpointError(
                f"the checkpoint was written within an epoch of {batches} batches, and this run "
                f"has {len(self.dataloader)}: set train_dataloader as it was, or name the "
                "checkpoint of a whole epoch after --resume"
            )
        self._rest = own

    def run(self) -> Any:
        """Train, after the evaluation that a resumed run may have missed.

        Raises:
            CheckpointError: If the processes do not begin at the same step.
        """
        self._check_begin()
        self.runner.call_hook("before_train")
        if self._epoch > 0 and not self.goes_on:
            self._evaluate()
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._evaluate()
        self.runner.call_hook("after_train")
        return self.runner.model

    def _check_begin(self) -> None:
        begins: list[int] = all_gather_object(self._iter)
        if len({*begins}) > 1:
            raise CheckpointError(
                f"the processes begin after {begins} steps: {self.runner.work_dir} must be one "
                "folder for all machines, so that they find the same checkpoint"
            )

    def run_epoch(self) -> None:
        """Train one epoch, or the rest of one."""
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        batches = self._batches()
        self.runner.optim_wrapper.initialize_count_status(
            self.runner.model, self._done, len(self.dataloader)
        )
        for batch in batches:
            self._done += 1
            self.run_iter(self._done - 1, batch)
        self._done, self._resumed = 0, []
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1

    def _batches(self) -> Iterator[Any]:
        if self._rest is None:
            return iter(self.dataloader)
        rest, self._rest = self._rest, None
        self._done = rest["done"]
        for own, saved in zip(
            running_statistics(self.runner.model), rest["statistics"], strict=True
        ):
            own.copy_(saved)
        left = [batch.tolist() for batch in rest["items"].split(rest["lengths"].tolist())]
        self._resumed = [[]] * self._done + left
        iterator = iter(loader_of(self.dataloader, left))
        restore_generators(rest["generators"])  # after the iterator, which has drawn from them
        return iterator

    def _evaluate(self) -> None:
        self._decide_current_val_interval()
        if (
            self.runner.val_loop is not None
            and self._epoch >= self.val_begin
            and (self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs)
        ):
            self.runner.val_loop.run()


def by_epochs(loop: Any) -> Any:
    """Return the config of a training loop; one that counts epochs becomes ``EpochLoop``."""
    if not isinstance(loop, dict) or not loop.get("by_epoch"):
        return loop
    options = {name: value for name, value in loop.items() if name != "by_epoch"}
    return {"type": EpochLoop, **options}


def goes_on_within_epoch(runner: Any) -> bool:
    """Return whether the epoch that a run begins had been begun by the run that it resumes."""
    loop = getattr(runner, "train_loop", None)
    return isinstance(loop, EpochLoop) and loop.goes_on


def loader_of(loader: DataLoader[Any], batches: Iterable[list[int]]) -> DataLoader[Any]:
    """Return a loader like another one, of these batches.

    Args:
        loader: The other one.
        batches: Items of every batch; with a length.
    """
    return DataLoader(
        loader.dataset,
        batch_sampler=batches,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        prefetch_factor=loader.prefetch_factor,
    )
