"""mmengine's Runner with a readable terminal."""

import logging
from typing import Any

from mmengine.logging import MMLogger
from mmengine.runner import Runner

from geoloc.registry import RUNNERS


@RUNNERS.register_module()
class QuietRunner(Runner):
    """A Runner that logs everything to its file and only errors to the terminal.

    ``ProgressHook`` tells the terminal how far the run is. (mmengine's own warnings are about its
    deprecated internals.)
    """

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger and raise the level of its terminal handler."""
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if type(handler) is logging.StreamHandler:
                handler.setLevel(max(handler.level, logging.ERROR))
        return logger
