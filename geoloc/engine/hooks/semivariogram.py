"""Fit the semivariogram of the features that a network has at the moment."""

from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from geoloc.errors import ConfigError
from geoloc.geo.semivariogram import Semivariogram, save_semivariogram
from geoloc.models.losses import SemivariogramInfoNCELoss
from geoloc.registry import HOOKS

FILE = "semivariogram.json"


@HOOKS.register_module()
class SemivariogramHook(Hook):
    """Warm the losses' reweighting up, and refit their curves from the pairs of the batches.

    With frozen features the curve does not change, and one fitted before training is best (known:
    the thesis does so). The features of a network in training change (inferred: refits of them).
    A failed fit keeps the last good one. The log gets ``semivariogram/`` nugget, partial_sill,
    scale_km, shape, range_km, r2 and pairs; the file ``semivariogram.json`` in the run folder has
    the last fit with its status.

    Args:
        refit: ``'never'``, after every ``'epoch'``, or after so many iterations.
        warmup_epochs: Epochs over which the reweighting grows from none to full strength; with
            refits they count from the first usable fit.

    Raises:
        ConfigError: If an argument is out of range.
    """

    def __init__(self, refit: str | int = "never", warmup_epochs: float = 1.0) -> None:
        interval = isinstance(refit, int) and not isinstance(refit, bool) and refit > 0
        if not (interval or refit in ("never", "epoch")):
            raise ConfigError(
                f"SemivariogramHook refit={refit!r} must be 'never', 'epoch' or a number of "
                "iterations"
            )
        if warmup_epochs < 0:
            raise ConfigError(f"SemivariogramHook warmup_epochs={warmup_epochs} must be 0 or more")
        self.refit = refit
        self.warmup_epochs = warmup_epochs
        self.losses: list[SemivariogramInfoNCELoss] = []

    def before_train(self, runner: Any) -> None:
        """Find the losses, and let them collect pairs if there will be refits.

        Raises:
            ConfigError: If the model has no such loss.
        """
        self.losses = [
            module
            for module in runner.model.modules()
            if isinstance(module, SemivariogramInfoNCELoss)
        ]
        if not self.losses:
            raise ConfigError(
                "SemivariogramHook needs a SemivariogramInfoNCELoss in the model; remove the hook "
                "or name the loss"
            )
        if self.refit != "never":
            for loss in self.losses:
                loss.collect()

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Set the strength of the reweighting."""
        length = self.warmup_epochs * len(runner.train_dataloader)
        for loss in self.losses:
            done = runner.iter - int(loss.semivariogram.fitted.since)
            loss.ramp = min(1.0, (done + 1) / length) if length > 0 else 1.0

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Refit if it is the turn of this iteration."""
        if isinstance(self.refit, int) and self.every_n_train_iters(runner, self.refit):
            self._refit(runner)

    def after_train_epoch(self, runner: Any) -> None:
        """Refit if it is the turn of this epoch."""
        if self.refit == "epoch":
            self._refit(runner)

    def _refit(self, runner: Any) -> None:
        for loss in self.losses:
            fit = loss.semivariogram.fit()
            is_first = not loss.semivariogram.fitted.is_fitted
            if loss.take(fit, f"iteration {runner.iter}") and is_first:
                loss.semivariogram.fitted.since.fill_(runner.iter)
            runner.logger.info(f"semivariogram: {fit.summary()}")
            runner.message_hub.update_info("semivariogram/status", fit.status)
            for name, value in _scalars(fit).items():
                runner.message_hub.update_scalar(f"train/semivariogram/{name}", value)
            if is_main_process():
                save_semivariogram(fit, Path(runner.work_dir) / FILE)


def _scalars(fit: Semivariogram) -> dict[str, float]:
    scalars = {"pairs": fit.empirical.pairs}
    if (curve := fit.curve) is not None:
        scalars |= {
            "nugget": curve.nugget,
            "partial_sill": curve.partial_sill,
            "scale_km": curve.scale_km,
            "shape": curve.shape,
            "range_km": fit.range_km,
            "r2": fit.r2,
        }
    return scalars
