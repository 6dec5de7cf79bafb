"""Measure the network before it has learnt anything."""

from pathlib import Path
from typing import Any

from mmengine.hooks import Hook

from geoloc.registry import HOOKS

FOLDER = "before_training"


@HOOKS.register_module()
class BeforeTrainingHook(Hook):
    """Evaluate the start weights once, into ``<work_dir>/before_training``.

    The gain of a training is only visible beside its start. A resumed run keeps the first
    measurement.
    """

    def before_train(self, runner: Any) -> None:
        """Run the validation loop on the start weights."""
        if runner.iter > 0 or runner.val_loop is None:
            return
        metric = runner.val_evaluator.metrics[0]
        final_folder = metric.output_dir
        metric.output_dir = str(Path(runner.work_dir) / FOLDER)
        runner.val_loop.run()
        metric.output_dir = final_folder
