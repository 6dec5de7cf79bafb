"""Show on the terminal how far a run is."""

import time
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from geoloc.registry import HOOKS

GPU_INTERVAL = 20  # steps; to ask for a loss waits for all that a GPU has still to do
SCORES = ("/H-AP", "/AP", "overall/mAP")  # of the hierarchical, University and DyML protocols


@HOOKS.register_module()
class ProgressHook(Hook):
    """Draw one progress bar per epoch or evaluation, and leave one line when it is done.

    Where the output is no terminal, only those lines are printed.
    """

    def __init__(self) -> None:
        self.console = Console()
        self.progress: Progress | None = None
        self.started = 0.0
        self.images = 0
        self.text = ""

    def _start(self, text: str, total: int) -> None:
        self.started, self.images = time.perf_counter(), 0
        if not is_main_process():
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self.progress = Progress(
            *columns,
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self.progress.start()
        self.progress.add_task(text, total=total)

    def _advance(self, data_batch: Any, text: str) -> None:
        inputs = data_batch["inputs"]  # by view, or the photos of a model without views
        views = inputs.values() if isinstance(inputs, dict) else [inputs]
        self.images += sum(len(images) for images in views)
        if self.progress is not None:
            self.progress.update(self.progress.task_ids[0], advance=1, description=text)

    def _stop(self, text: str) -> None:
        if self.progress is None:
            return
        self.progress.stop()
        self.progress = None
        seconds = time.perf_counter() - self.started
        text = f"{text}  ({seconds:.0f} s, {self.images / seconds:.0f} images/s)"
        self.console.print(text, soft_wrap=True, highlight=False)

    def before_train_epoch(self, runner: Any) -> None:
        """Open the bar of an epoch."""
        self.text = _epoch(runner)
        self._start(self.text, len(runner.train_dataloader))

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Advance the bar and show the loss, which a GPU is asked for now and then only."""
        loss = outputs["loss"]
        if self.console.is_terminal and (not loss.is_cuda or batch_idx % GPU_INTERVAL == 0):
            self.text = f"{_epoch(runner)}  loss {loss.item():.3f}"
        self._advance(data_batch, self.text)

    def after_train_epoch(self, runner: Any) -> None:
        """Leave the line of an epoch, with the mean of every loss over it."""
        scalars = runner.message_hub.log_scalars
        length = len(runner.train_dataloader)
        losses = {
            key.removeprefix("train/"): scalars[key].mean(length)
            for key in scalars
            if key.startswith("train/loss")
        }
        text = "  ".join(f"{name} {value:.4f}" for name, value in losses.items())
        self._stop(f"{_epoch(runner)}  {text}")

    def before_val_epoch(self, runner: Any) -> None:
        """Open the bar of an evaluation."""
        self._start("describing images", len(runner.val_dataloader))

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Advance the bar."""
        self._advance(data_batch, "describing images")

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Leave the line of an evaluation, with the main metric of its protocol."""
        scores = "  ".join(
            f"{key} {value:.2f}" for key, value in (metrics or {}).items() if key.endswith(SCORES)
        )
        self._stop(f"evaluation  {scores}")

    def before_test_epoch(self, runner: Any) -> None:
        """Open the bar of a test."""
        self._start("describing images", len(runner.test_dataloader))

    after_test_iter = after_val_iter
    after_test_epoch = after_val_epoch


def _epoch(runner: Any) -> str:
    return f"epoch {runner.epoch + 1}/{runner.max_epochs}"
