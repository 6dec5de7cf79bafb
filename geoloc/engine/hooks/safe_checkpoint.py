"""Checkpoints of which there is always a good one."""

import errno
from copy import copy
from pathlib import Path
from typing import Any, Literal

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook

from geoloc.engine.file_backend import WholeFileBackend  # mmengine then writes whole files
from geoloc.errors import CheckpointError, ConfigError
from geoloc.registry import HOOKS
from geoloc.whole_files import write_whole

FULL = {errno.ENOSPC, errno.EDQUOT}
WITHIN_EPOCH = "within_epoch.pth"
POSITIONS = "within_epoch"


class _RemovesLater(WholeFileBackend):
    """Keeps the old best model, which mmengine removes before it saves the new one."""

    def __init__(self) -> None:
        super().__init__()
        self.outdated: set[str] = set()

    def remove(self, filepath: str | Path) -> None:
        self.outdated.add(str(filepath))


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """Save checkpoints whole, and remove old ones only when the new one is there.

    mmengine's hook, which removes first and writes in place: killed between, a run would have lost
    what it had.

    Args:
        when_disk_is_full: ``'stop'`` the training with a message, or ``'continue'`` without this
            checkpoint.
        within_epoch: Write ``within_epoch.pth`` after every so many iterations of an epoch too; a
            run that is resumed from it ends with the same weights as one that was never stopped.
            It goes when the next checkpoint of a whole epoch is there. None for short epochs.
        **options: Of mmengine's ``CheckpointHook``.

    Raises:
        ConfigError: If an option is none of these.
    """

    file_backend: LocalBackend
    max_keep_ckpts: int
    last_ckpt: str | None

    def __init__(
        self,
        *,
        when_disk_is_full: Literal["stop", "continue"] = "stop",
        within_epoch: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if when_disk_is_full not in ("stop", "continue"):
            raise ConfigError(
                f"when_disk_is_full={when_disk_is_full!r} must be 'stop' or 'continue'"
            )
        if within_epoch is not None and within_epoch < 1:
            raise ConfigError(f"within_epoch={within_epoch} must be a number of iterations or None")
        self.when_disk_is_full = when_disk_is_full
        self.within_epoch = within_epoch
        self._is_due = False
        self._positions: list[dict[str, Any]] | None = None

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Save within an epoch if it is time, but no gradient that is only half accumulated."""
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        if self.within_epoch is None:
            return
        self._is_due |= self.every_n_inner_iters(batch_idx, self.within_epoch)
        is_last = self.end_of_epoch(runner.train_dataloader, batch_idx)
        if self._is_due and (is_last or runner.optim_wrapper.should_update()):
            self._is_due = False
            if not is_last:
                self._save_within_epoch(runner)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float]) -> None:
        """Save the best model; the start weights, which may be evaluated too, do not compete."""
        if runner.iter > 0:
            super().after_val_epoch(runner, metrics)

    def _save_best_checkpoint(self, runner: Any, metrics: dict[str, float]) -> None:
        backend, self.file_backend = self.file_backend, (later := _RemovesLater())
        best, info = self._best(), dict(runner.message_hub.runtime_info)
        try:
            super()._save_best_checkpoint(runner, metrics)
        except OSError as error:  # the best is what it was before
            self.__dict__ |= best
            runner.message_hub.runtime_info.clear()
            runner.message_hub.runtime_info.update(info)
            self._disk_full(runner, "the best model", error)
            return
        finally:
            self.file_backend = backend
        best = self._best()  # the same as before if an evaluation was repeated
        saved = {best.get("best_ckpt_path"), *best.get("best_ckpt_path_dict", {}).values()}
        for old in later.outdated - saved:
            Path(old).unlink(missing_ok=True)

    def _best(self) -> dict[str, Any]:
        """Return what mmengine's hook remembers of the best models."""
        names = ("best_ckpt_path", "best_ckpt_path_dict")
        return {name: copy(getattr(self, name)) for name in names if hasattr(self, name)}

    def _save_within_epoch(self, runner: Any) -> None:
        self._positions = runner.train_loop.position()
        try:
            runner.save_checkpoint(self.out_dir, WITHIN_EPOCH, by_epoch=False)
            if is_main_process():
                self._name_last(runner, str(Path(self.out_dir, WITHIN_EPOCH)))
        except OSError as error:
            self._disk_full(runner, WITHIN_EPOCH, error)
        finally:
            self._positions = None

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Add where the processes are within the epoch."""
        if self._positions is not None:
            checkpoint[POSITIONS] = self._positions

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Tell the loop where to go on.

        Raises:
            CheckpointError: If the run had another number of processes.
        """
        if POSITIONS in checkpoint and runner.cfg.get("resume"):
            runner.train_loop.go_on_from(checkpoint[POSITIONS])

    @staticmethod
    def _name_last(runner: Any, checkpoint: str) -> None:
        write_whole(Path(runner.work_dir, "last_checkpoint"), checkpoint)

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict[str, Any]) -> None:
        kept = list(getattr(self, "keep_ckpt_ids", ()))
        limit, last = self.max_keep_ckpts, self.last_ckpt
        outdated: list[int] = []
        if limit > 0 and kept[-1:] != [step]:
            outdated = kept[: max(len(kept) - limit + 1, 0)]
            # Bounded, it drops the same ones. mmengine, which would remove their files before it
            # saves, leaves that to whoever has appended the step.
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info("keep_ckpt_ids", list(self.keep_ckpt_ids))
        try:
            super()._save_checkpoint_with_step(runner, step, meta)
            if is_main_process():  # mmengine writes the name of the last one in place
                self._name_last(runner, str(self.last_ckpt))
        except OSError as error:
            self.last_ckpt = last
            runner.message_hub.update_info("last_ckpt", last)
            if limit > 0:
                self.keep_ckpt_ids.clear()
                self.keep_ckpt_ids.extend(kept)
            self._disk_full(runner, self.filename_tmpl.format(step), error)
            return
        if is_main_process():
            for old in (*map(self.filename_tmpl.format, outdated), WITHIN_EPOCH):
                Path(self.out_dir, old).unlink(missing_ok=True)

    def _disk_full(self, runner: Any, name: str, error: OSError) -> None:
        if error.errno not in FULL:
            raise error
        message = f"the disk is full: {name} could not be written to {self.out_dir}"
        if self.when_disk_is_full == "stop":
            raise CheckpointError(
                f"{message}; make room, then go on with --resume from the checkpoint before"
            ) from error
        runner.logger.error(f"{message}; training goes on without it")
