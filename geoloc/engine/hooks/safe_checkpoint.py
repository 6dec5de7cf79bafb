"""Checkpoints of which there is always a good one."""

import errno
from pathlib import Path
from typing import Any, Literal

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook

from geoloc.engine import file_backend  # noqa: F401  mmengine then writes whole files
from geoloc.errors import CheckpointError, ConfigError
from geoloc.registry import HOOKS
from geoloc.whole_files import write_whole

FULL = {errno.ENOSPC, errno.EDQUOT}


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """Save checkpoints whole, and remove old ones only when the new one is there.

    mmengine's hook, which removes first and writes in place: killed between, a run would have lost
    what it had.

    Args:
        when_disk_is_full: ``'stop'`` the training with a message, or ``'continue'`` without this
            checkpoint.
        **options: Of mmengine's ``CheckpointHook``.

    Raises:
        ConfigError: If ``when_disk_is_full`` is none of these.
    """

    max_keep_ckpts: int
    last_ckpt: str | None

    def __init__(
        self, *, when_disk_is_full: Literal["stop", "continue"] = "stop", **options: Any
    ) -> None:
        super().__init__(**options)
        if when_disk_is_full not in ("stop", "continue"):
            raise ConfigError(
                f"when_disk_is_full={when_disk_is_full!r} must be 'stop' or 'continue'"
            )
        self.when_disk_is_full = when_disk_is_full

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict[str, Any]) -> None:
        kept = list(getattr(self, "keep_ckpt_ids", ()))
        limit, last = self.max_keep_ckpts, self.last_ckpt
        outdated: list[int] = []
        if limit > 0 and kept[-1:] != [step]:
            outdated = kept[: max(len(kept) - limit + 1, 0)]
            self.keep_ckpt_ids.append(step)  # bounded: it drops the same ones
            runner.message_hub.update_info("keep_ckpt_ids", list(self.keep_ckpt_ids))
        self.max_keep_ckpts = -1  # mmengine's own order would be to remove, and then to save
        try:
            super()._save_checkpoint_with_step(runner, step, meta)
            if is_main_process():  # mmengine writes the name of the last one in place
                write_whole(Path(runner.work_dir, "last_checkpoint"), str(self.last_ckpt))
        except OSError as error:
            self.last_ckpt = last
            runner.message_hub.update_info("last_ckpt", last)
            if limit > 0:
                self.keep_ckpt_ids.clear()
                self.keep_ckpt_ids.extend(kept)
            self._disk_full(runner, step, error)
            return
        finally:
            self.max_keep_ckpts = limit
        if is_main_process():
            for old in outdated:
                Path(self.out_dir, self.filename_tmpl.format(old)).unlink(missing_ok=True)

    def _disk_full(self, runner: Any, step: int, error: OSError) -> None:
        if error.errno not in FULL:
            raise error
        name = self.filename_tmpl.format(step)
        message = f"the disk is full: {name} could not be written to {self.out_dir}"
        if self.when_disk_is_full == "stop":
            raise CheckpointError(
                f"{message}; make room, then go on with --resume from the checkpoint before"
            ) from error
        runner.logger.error(f"{message}; training goes on without it")
