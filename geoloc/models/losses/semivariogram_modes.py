"""How a semivariogram enters InfoNCE: five ways, of which the first is the default."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.models.losses.fitted_semivariogram import FittedSemivariogram
from geoloc.models.losses.semivariogram_weights import (
    Emphasis,
    deviation_scores,
    hardness_factor,
    log_weights,
    of_mean_one,
    reliable_factor,
    thesis_beta,
)
from geoloc.models.losses.weighted_infonce import infonce_of_logits, soft_target_loss


class Rows(NamedTuple):
    """Candidates of every anchor, all ``[B, M]``.

    Attributes:
        logits: S, floating; -inf is no candidate.
        distance: Feature distances d, of the same dtype.
        lag_km: Distances h on the ground in km, of the same dtype.
        positive: Bool.
        negative: Bool.
        known: Bool, where d means something.
    """

    logits: Tensor
    distance: Tensor
    lag_km: Tensor
    positive: Tensor
    negative: Tensor
    known: Tensor

    @property
    def weighted(self) -> Tensor:
        """The negatives whose weight is not 1 for want of a distance, bool."""
        return self.negative & self.known

    def loss_of(self, logits: Tensor) -> Tensor:
        """Return InfoNCE with other logits for the weighted negatives."""
        return infonce_of_logits(
            torch.where(self.weighted, logits, self.logits), self.positive, self.negative
        )


class Reweighting(NamedTuple):
    """A mode and its options, described at :class:`SemivariogramInfoNCELoss`."""

    mode: str = "additive_log"
    emphasis: Emphasis = Emphasis()
    normalize_weights: bool = False
    mask_threshold: float = 1.0
    beta: float | None = None
    label_scale_km: float | None = None

    def check(self) -> "Reweighting":
        """Return it if the options make sense.

        Raises:
            ConfigError: If not.
        """
        if self.mode not in MODES:
            raise ConfigError(f"mode={self.mode!r} must be one of {', '.join(MODES)}.")
        if self.label_scale_km is not None and not 0 < self.label_scale_km < math.inf:
            raise ConfigError(f"label_scale_km={self.label_scale_km} must be a positive length.")
        low, high, floor = self.emphasis.w_min, self.emphasis.w_max, self.emphasis.sigma_min
        if not (0 < low <= 1 <= high < math.inf and floor > 0):
            raise ConfigError(
                f"emphasis: 0 < w_min={low} <= 1 <= w_max={high} and sigma_min={floor} > 0 must "
                "hold."
            )
        return self

    @property
    def needs_fit(self) -> bool:
        """Whether a fit is needed at all; soft labels of a given length need none."""
        return self.mode != "soft_label" or self.label_scale_km is None

    def loss(self, rows: Rows, fitted: FittedSemivariogram, ramp: float) -> Tensor:
        """Return the loss, a scalar.

        Args:
            rows: The candidates.
            fitted: The curves; only with a fit if one is needed.
            ramp: Strength from 0, which is plain InfoNCE, to 1.
        """
        return MODES[self.mode](self, rows, fitted, ramp)


_Mode = Callable[[Reweighting, Rows, FittedSemivariogram, float], Tensor]


def _additive_log(
    options: Reweighting, rows: Rows, fitted: FittedSemivariogram, ramp: float
) -> Tensor:
    scores = deviation_scores(fitted, rows.distance, rows.lag_km, options.emphasis)
    log_w = log_weights(scores, options.emphasis, ramp)
    if options.normalize_weights:
        log_w = of_mean_one(log_w, rows.weighted)
    return rows.loss_of(rows.logits + log_w)


def _logit_scale(_: Reweighting, rows: Rows, fitted: FittedSemivariogram, ramp: float) -> Tensor:
    return rows.loss_of(rows.logits * reliable_factor(fitted, rows.distance, rows.lag_km, ramp))


def _hcl_beta(options: Reweighting, rows: Rows, fitted: FittedSemivariogram, ramp: float) -> Tensor:
    if options.beta is None:
        beta = thesis_beta(fitted, rows.distance, rows.lag_km)
    else:
        beta = torch.full_like(rows.logits, options.beta)
    factor = hardness_factor(rows.logits.detach(), ramp * beta, rows.weighted)
    return rows.loss_of(rows.logits * factor)


def _mask_fn(options: Reweighting, rows: Rows, fitted: FittedSemivariogram, ramp: float) -> Tensor:
    scores = deviation_scores(fitted, rows.distance, rows.lag_km, options.emphasis)
    masked = rows.weighted & (ramp * scores.false > options.mask_threshold)
    return infonce_of_logits(rows.logits, rows.positive, rows.negative & ~masked)


def _soft_label(
    options: Reweighting, rows: Rows, fitted: FittedSemivariogram, ramp: float
) -> Tensor:
    scale_km = options.label_scale_km or float(fitted.theta[2])
    near = ramp * (-rows.lag_km / scale_km).exp()
    target = torch.where(rows.negative, near, rows.positive.to(near))
    left_out = ~(rows.positive | rows.negative)
    return soft_target_loss(rows.logits.masked_fill(left_out, -torch.inf), target)


MODES: dict[str, _Mode] = {
    "additive_log": _additive_log,
    "logit_scale": _logit_scale,
    "hcl_beta": _hcl_beta,
    "mask_fn": _mask_fn,
    "soft_label": _soft_label,
}
