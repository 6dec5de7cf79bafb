"""One set of BatchNorm statistics for all processes."""

from typing import Any

from mmengine.dist import all_reduce, get_dist_info
from mmengine.hooks import Hook

from geoloc.models.batch_norm import running_statistics
from geoloc.registry import HOOKS


@HOOKS.register_module()
class BatchNormStatisticsHook(Hook):
    """Give all processes the mean of their BatchNorm statistics at the end of every epoch.

    In training each process records those of its own share of the batches. Evaluation shares the
    test images out, so each would describe its images by statistics of its own; and a checkpoint,
    which holds the first process's, would evaluate to other numbers than the run. Frozen and
    synchronised layers have the same statistics everywhere, and keep them.
    """

    priority = "HIGH"  # before averages of weights and checkpoints take them

    def after_train_epoch(self, runner: Any) -> None:
        """Average the running statistics over the processes."""
        if get_dist_info()[1] == 1:
            return
        for statistic in running_statistics(runner.model):
            all_reduce(statistic, "mean")
