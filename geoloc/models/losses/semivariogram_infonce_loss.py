"""InfoNCE whose negatives are weighted by the semivariogram of visual features."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from geoloc.datasets.place_levels import PlaceLevels
from geoloc.errors import ConfigError
from geoloc.geo.great_circle import great_circle_km
from geoloc.geo.semivariogram import Semivariogram, load_semivariogram
from geoloc.models.gather import own_rows
from geoloc.models.losses.infonce_loss import InfoNCELoss
from geoloc.models.losses.live_semivariogram import LiveSemivariogram
from geoloc.models.losses.pair_loss import check_pair_shapes, without_diagonal
from geoloc.models.losses.precision import full_precision
from geoloc.models.losses.semivariogram_modes import Reweighting, Rows
from geoloc.models.losses.semivariogram_weights import Emphasis
from geoloc.models.losses.similarity import cosine
from geoloc.models.losses.weighted_infonce import infonce_of_logits
from geoloc.registry import LOSSES

SOURCES = ("mean", "query", "gallery", "cross")


@LOSSES.register_module()
class SemivariogramInfoNCELoss(InfoNCELoss):
    r"""InfoNCE with false negatives weakened and hard negatives strengthened (arXiv 2509.21573).

    The semivariogram :math:`\gamma(h)` tells how unlike two images at distance h are on average.
    A negative that is near and not clearly less alike than that is probably a false one; one that
    is far and more alike is a hard one. With the weights of :class:`Emphasis`,

    .. math::
        \ell_i = -\log \frac{\sum_{p \in P_i} e^{S_{ip}}}
                 {\sum_{p \in P_i} e^{S_{ip}} + \sum_{j \in N_i} w_{ij} e^{S_{ij}}}

    Known (abstract): both kinds of negatives are found by the fitted semivariogram; known (the
    first author's thesis code): the modes ``logit_scale`` and ``hcl_beta``. Inferred: the formula
    above and all defaults. No published training shows that they help.

    Without a usable fit, or without distances on the ground, it is plain InfoNCE to the bit, and
    says so once. As a pair loss it needs the positions of the places, which the model hands over.

    Args:
        curve: JSON file of ``tools/fit_semivariogram.py``; None waits for a fit during training by
            ``SemivariogramHook``.
        mode: ``'additive_log'``: the formula above. ``'logit_scale'``: negatives less alike than
            expected within the range are multiplied by ``exp(d - gamma)`` (thesis, variant 5).
            ``'hcl_beta'``: they are multiplied by their hardness (thesis, variant 2).
            ``'mask_fn'``: false negatives are left out. ``'soft_label'``: soft targets
            ``exp(-h / l)`` (after SW-CLIP, arXiv 2604.04357).
        scale: Factor on the cosines of the pair loss; see :class:`InfoNCELoss` for this and the
            next four.
        learnable: Train it.
        normalize: Axis of normalisation.
        positive_level: Lowest level of a positive.
        negative_level: Highest level of a negative.
        emphasis: Values of :class:`Emphasis` to change.
        normalize_weights: Divide the weights by their mean over the negatives of the row, which
            keeps the effective number of negatives.
        same_place_m: Candidates nearer than so many metres are no negatives.
        mask_threshold: ``'mask_fn'`` leaves out pairs whose false-negative score is above.
        beta: Inverse temperature of ``'hcl_beta'``; None for the thesis's from the curve.
        label_scale_km: l of ``'soft_label'``; None for the length scale of the fit.
        d_source: Between which images of two places the pair loss measures feature distances:
            ``'query'``, ``'gallery'``, ``'cross'``, or ``'mean'`` of the first two, which are free
            of the offset between the views.
        refit: Options of fits during training, see :class:`LiveSemivariogram`.

    Attributes:
        semivariogram: The fit in use, and the pairs of the steps.
        ramp: Strength of the reweighting from 0 to 1, set by the hook during its warm-up.

    Raises:
        ConfigError: If an option is unknown or out of range.
        DatasetError: If ``curve`` is no such file.
    """

    averages_rows = False  # the weights may be normalised over the batch, the stream needs all
    latlon: Tensor | None

    def __init__(
        self,
        curve: str | Path | None = None,
        mode: str = "additive_log",
        scale: float = 1 / 0.07,
        learnable: bool = False,
        normalize: str = "feature",
        positive_level: int = 3,
        negative_level: int | None = None,
        emphasis: Mapping[str, float] | None = None,
        normalize_weights: bool = False,
        same_place_m: float = 0.0,
        mask_threshold: float = 1.0,
        beta: float | None = None,
        label_scale_km: float | None = None,
        d_source: str = "mean",
        refit: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(scale, learnable, normalize, positive_level, negative_level=negative_level)
        if d_source not in SOURCES:
            raise ConfigError(f"d_source={d_source!r} must be one of {', '.join(SOURCES)}.")
        if unknown := set(emphasis or {}) - set(Emphasis._fields):
            known = ", ".join(Emphasis._fields)
            raise ConfigError(f"emphasis: {', '.join(sorted(unknown))} not among {known}.")
        self.reweighting = Reweighting(
            mode,
            Emphasis(**(emphasis or {})),
            normalize_weights,
            mask_threshold,
            beta,
            label_scale_km,
        ).check()
        self.same_place_km = same_place_m / 1000
        self.d_source = d_source
        self.semivariogram = LiveSemivariogram(refit or {})
        self.register_buffer("latlon", None, persistent=False)
        self.ramp = 1.0
        self._has_warned = False
        if curve is not None:
            self.take(load_semivariogram(curve), f"curve={str(curve)!r}")

    def take(self, semivariogram: Semivariogram, name: str) -> bool:
        """Use a fit from now on; an unusable one leaves the last good one in use.

        Args:
            semivariogram: The fit.
            name: What it is, for the warning that there is none to use.

        Returns:
            Whether it is usable.
        """
        usable = self.semivariogram.fitted.take(semivariogram)
        if not self.semivariogram.fitted.is_fitted:
            self._warn(f"the semivariogram of {name} has status {semivariogram.status!r}")
        return usable

    def set_place_levels(self, levels: PlaceLevels) -> None:
        """Take the positions of the places, by label.

        Raises:
            ConfigError: If the data have none.
        """
        if levels.latlon is None:
            raise ConfigError(
                f"{type(self).__name__} needs the positions of the places, but the training data "
                "have none; use InfoNCELoss"
            )
        self.latlon = levels.latlon.to(self.semivariogram.fitted.theta)

    def collect(self) -> None:
        """Collect the pairs of the training steps from now on, for a fit of them."""
        self.semivariogram.begin(self.latlon)

    def from_logits(
        self,
        logits: Tensor,
        feature_distance: Tensor,
        ground_distance_km: Tensor,
        positives: Tensor,
        known: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of a row of candidates per anchor, for models with logits of their own.

        The rows are those of the global batch; for refits, every process collects its share.

        Args:
            logits: Similarities times their scale, floating ``[B, M]``; -inf is no candidate.
            feature_distance: Distances d of frozen features, ``[B, M]``.
            ground_distance_km: Distances h on the ground in kilometres, ``[B, M]``.
            positives: Bool ``[B, M]``; all others are negatives.
            known: Bool ``[B, M]``: which candidates have a stored feature, so that d means
                something; others keep weight 1. None: all.

        Returns:
            A scalar, float32 (float64 for float64 logits).
        """
        with full_precision(logits) as (logits,):
            known = torch.ones_like(positives) if known is None else known
            exists = logits > -torch.inf
            # what an empty slot or a missing feature holds may be NaN, which 0 * NaN would spread
            d = feature_distance.detach().where(known & exists, 0)
            lag = ground_distance_km.detach().where(exists, 0)
            usable = known & exists & ~positives
            self.semivariogram.collect(own_rows(lag), own_rows(d), own_rows(usable))
            return self._of_rows(logits, d, lag, positives, ~positives, known)

    def _of_rows(
        self,
        logits: Tensor,
        d: Tensor,
        lag: Tensor,
        positive: Tensor,
        negative: Tensor,
        known: Tensor,
    ) -> Tensor:
        negative = negative & (lag >= self.same_place_km) & (logits > -torch.inf)
        fitted = self.semivariogram.fitted
        if self.reweighting.needs_fit and not fitted.is_fitted:
            self._warn("there is no fitted semivariogram yet")
            return infonce_of_logits(logits, positive, negative)
        rows = Rows(logits, d.to(logits), lag.to(logits), positive, negative, known)
        return self.reweighting.loss(rows, fitted, self.ramp)

    def loss(self, similarity: Tensor, levels: Tensor) -> Tensor:
        """Return plain InfoNCE: without the places of a batch there are no distances."""
        self._warn("it was called without the places of the batch")
        return infonce_of_logits(self._current_scale() * similarity, *self._signs(levels))

    def forward(
        self, query: Tensor, gallery: Tensor, levels: Tensor, places: Tensor | None = None
    ) -> Tensor:
        """Return the loss of one direction.

        Args:
            query: Descriptors ``[N, D]``, the anchors.
            gallery: Descriptors ``[M, D]`` of the other view.
            levels: Levels ``[N, M]``, any integer dtype, higher is nearer.
            places: Place labels int64 ``[N]`` of the rows of both (N = M), for the distances on the
                ground; None makes it plain InfoNCE.

        Raises:
            ValueError: If the shapes do not fit together.
            RuntimeError: If the positions of the places are not known.
        """
        if places is None:
            return super().forward(query, gallery, levels)
        return self._between(query, gallery, levels, places, back=False)

    def both_directions(
        self, query: Tensor, gallery: Tensor, levels: Tensor, places: Tensor | None = None
    ) -> Tensor:
        """Return the mean of both directions; arguments as for one."""
        if places is None:
            return super().both_directions(query, gallery, levels)
        return self._between(query, gallery, levels, places, back=True)

    def within(self, descriptors: Tensor, levels: Tensor, places: Tensor | None = None) -> Tensor:
        """Return the loss of every item of a batch against all others.

        Args:
            descriptors: ``[N, D]``, N >= 2.
            levels: Levels ``[N, N]``, any integer dtype.
            places: Place labels int64 ``[N]``; None makes it plain InfoNCE.

        Raises:
            ValueError: If the shapes do not fit together.
            RuntimeError: If the positions of the places are not known.
        """
        if places is None:
            return super().within(descriptors, levels)
        check_pair_shapes(descriptors, descriptors, levels)
        with full_precision(descriptors) as (rows,):
            d, lag = 1 - cosine(rows, rows).detach(), self._ground_distance_km(places)
            self._collect(d, lag, levels)
            similarity = without_diagonal(self.similarity(rows, rows))
            columns = map(without_diagonal, (d, lag, levels))
            return self._one_direction(similarity, *columns)

    def _between(
        self, query: Tensor, gallery: Tensor, levels: Tensor, places: Tensor, back: bool
    ) -> Tensor:
        check_pair_shapes(query, gallery, levels)
        if not len(query) == len(gallery) == len(places):
            raise ValueError(
                "row i of query and gallery must show place i, got "
                f"{len(query)}, {len(gallery)} and {len(places)} rows."
            )
        with full_precision(query, gallery) as (query, gallery):
            d = self._feature_distance(query.detach(), gallery.detach())
            lag = self._ground_distance_km(places)
            self._collect(d, lag, levels)
            similarity = self.similarity(query, gallery)
            there = self._one_direction(similarity, d, lag, levels)
            if not back:
                return there
            return (there + self._one_direction(similarity.T, d.T, lag.T, levels.T)) / 2

    def _one_direction(self, similarity: Tensor, d: Tensor, lag: Tensor, levels: Tensor) -> Tensor:
        logits = self._current_scale() * similarity
        known = torch.ones_like(levels, dtype=torch.bool)
        return self._of_rows(logits, d, lag, *self._signs(levels), known)

    def _signs(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        return levels >= self.positive_level, levels <= self.negative_level

    def _feature_distance(self, query: Tensor, gallery: Tensor) -> Tensor:
        sides = {
            "query": [(query, query)],
            "gallery": [(gallery, gallery)],
            "cross": [(query, gallery)],
            "mean": [(query, query), (gallery, gallery)],
        }[self.d_source]
        return 1 - torch.stack([cosine(one, other) for one, other in sides]).mean(dim=0)

    def _ground_distance_km(self, places: Tensor) -> Tensor:
        if self.latlon is None:
            raise RuntimeError(
                "the loss needs the positions: call set_place_levels before training"
            )
        positions = self.latlon[places]
        return great_circle_km(positions[:, None], positions)

    def _collect(self, d: Tensor, lag: Tensor, levels: Tensor) -> None:
        """Collect this process's share of the pairs of the global batch, each pair once."""
        once = (levels < self.positive_level).triu(diagonal=1)
        self.semivariogram.collect(own_rows(lag), own_rows(d), own_rows(once))

    def _warn(self, reason: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(f"{type(self).__name__} works as plain InfoNCE: {reason}", stacklevel=3)
