"""Stop a training whose loss is no number any more."""

from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook

from geoloc.errors import TrainingError
from geoloc.registry import HOOKS

FOLDER = "not_finite"
CURES = "A lower learning rate, clipped gradients or --no-amp are usual cures"


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Stop at the first loss that is NaN or infinite, and keep its batch for inspection.

    Weights that are not finite, after a step whose gradients were not, are not saved.

    The batch (images, places, rows of the index) and the terms of its loss are written to
    ``not_finite/rank<k>.pth`` in the run folder, without pickled objects. On a GPU a loss is looked
    at one step later, when it is computed anyway, so that nothing waits for it.

    Raises:
        TrainingError: Names the step, the terms or weights that are not finite, and the file.
    """

    priority = "VERY_HIGH"  # before anything else takes the loss

    def __init__(self) -> None:
        self._before: tuple[int, dict[str, torch.Tensor], Any] | None = None

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Look at the loss of this step, or on a GPU at that of the step before."""
        step = (runner.iter, outputs, data_batch)
        if not outputs["loss"].is_cuda:
            self._check(runner, *step)
            return
        if self._before is not None:
            self._check(runner, *self._before)
        self._before = step

    def after_train_epoch(self, runner: Any) -> None:
        """Look at the last step of an epoch before its checkpoint is written."""
        if self._before is not None:
            self._check(runner, *self._before)
            self._before = None

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Look at the last step, and at what it did, before that is saved."""
        self.after_train_epoch(runner)
        weights = runner.model.named_parameters()
        wrong = [name for name, value in weights if not value.isfinite().all()]
        if wrong:
            raise TrainingError(
                f"after step {runner.iter} weights are not finite ({wrong[0]}, {len(wrong)} in "
                f"all), and nothing is saved of them. {CURES}; the last checkpoint is whole"
            )

    def _check(self, runner: Any, step: int, outputs: dict[str, Any], batch: Any) -> None:
        terms = {name: torch.as_tensor(value).detach().cpu() for name, value in outputs.items()}
        wrong = [name for name, value in terms.items() if not value.isfinite().all()]
        if not wrong:
            return
        file = Path(runner.work_dir, FOLDER, f"rank{runner.rank}.pth")
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"step": step, "terms": terms, "batch": _on_cpu(batch)}, file)
        raise TrainingError(
            f"at step {step + 1} {', '.join(wrong)} is not finite; the batch is in {file}. {CURES}"
        )


def _on_cpu(batch: Any) -> Any:
    if isinstance(batch, dict):
        return {name: _on_cpu(part) for name, part in batch.items()}
    return batch.cpu()
