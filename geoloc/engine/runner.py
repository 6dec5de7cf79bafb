"""mmengine's Runner with a readable terminal."""

import logging
import time
from typing import Any, ClassVar

from mmengine.logging import MMLogger
from mmengine.runner import Runner
from torch import nn

from geoloc.engine.epoch_loop import by_epochs
from geoloc.registry import RUNNERS


@RUNNERS.register_module()
class QuietRunner(Runner):
    """A Runner that loses nothing when it is killed, and logs only errors to the terminal.

    Everything else goes to its file; ``ProgressHook`` tells the terminal how far the run is.
    (mmengine's own warnings are about its deprecated internals.)
    """

    _last_timestamp: ClassVar[str | None] = None

    def setup_env(self, env_cfg: Any) -> None:
        """Set up the environment, not within the second in which this process began another run.

        mmengine names a run by the second: two of one second would share their logs and all that
        they remember, such as the best score.
        """
        super().setup_env(env_cfg)
        while self._timestamp == QuietRunner._last_timestamp:
            time.sleep(0.1)
            super().setup_env(env_cfg)
        QuietRunner._last_timestamp = self._timestamp

    def build_train_loop(self, loop: Any) -> Any:
        """Build the loop of the training; one by epochs is ``EpochLoop``."""
        return super().build_train_loop(by_epochs(loop))

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger and raise the level of its terminal handler."""
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if type(handler) is logging.StreamHandler:
                handler.setLevel(max(handler.level, logging.ERROR))
        return logger

    def _maybe_compile(self, target: str) -> None:
        """Compile the backbones in place, if the config says ``compile``.

        mmengine would compile the whole step: optimiser, miners and losses too, whose shapes
        depend on the batch.
        """
        options = self.cfg.get("compile")
        if not options:
            return
        model: Any = getattr(self.model, "module", self.model)
        backbone = model.backbone
        for part in backbone.values() if isinstance(backbone, nn.ModuleDict) else [backbone]:
            part.compile(**(options if isinstance(options, dict) else {}))
