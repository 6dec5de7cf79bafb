"""The semivariogram of a training: the fit in use, and the pairs that make the next one."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.geo.great_circle import great_circle_km
from geoloc.geo.semivariogram import (
    Semivariogram,
    check_fitting,
    check_range_rule,
    fit_semivariogram,
    lag_edges,
    stratified_pairs,
)
from geoloc.models.losses.fitted_semivariogram import FittedSemivariogram
from geoloc.models.losses.semivariogram_stream import SemivariogramStream

BINNING = ("binning", "bins", "max_km")
FITTING = ("model", "weights", "range_rule", "min_pairs", "min_bins", "min_contrast")


class LiveSemivariogram(nn.Module):
    """A fit in buffers and a stream of pairs beside it.

    Args:
        options: Of :func:`lag_edges`, of :func:`fit_semivariogram`, ``decay``, the weight of
            earlier steps (0.99), and ``shuffled``: True deals the feature distances of a step out
            to its pairs at random, as if the positions were shuffled. This is a control: the fit
            must be flat, and the loss plain InfoNCE.

    Attributes:
        fitted: The fit in use.
        stream: The pairs seen.
        is_collecting: Whether pairs are added.

    Raises:
        ConfigError: If an option, a model, weights or a rule are unknown.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__()
        if unknown := set(options) - {"decay", "shuffled", *BINNING, *FITTING}:
            known = ", ".join(("decay", "shuffled", *BINNING, *FITTING))
            raise ConfigError(f"refit: {', '.join(sorted(unknown))} not among {known}.")
        self.binning = {key: options[key] for key in BINNING if key in options}
        self.fitting = {key: options[key] for key in FITTING if key in options}
        # here, or a mistake would show up after an epoch only
        check_fitting(**{key: options[key] for key in ("model", "weights") if key in options})
        check_range_rule(options.get("range_rule", "practical"))
        self.fitted = FittedSemivariogram()
        self.stream = SemivariogramStream(float(options.get("decay", 0.99)))
        self.is_shuffled = bool(options.get("shuffled", False))
        # its own, so that the control draws nothing from the randomness of the training
        self.deal = torch.Generator().manual_seed(0)
        self.is_collecting = False

    def begin(self, latlon: Tensor | None) -> None:
        """Collect pairs from now on, in bins that suit the training places.

        Args:
            latlon: Their positions (lat, lon) in degrees ``[C, 2]``; None takes logarithmic bins
                over the globe.

        Raises:
            ConfigError: If the bins cannot be made.
        """
        self.is_collecting = True
        if self.stream.has_begun:  # by the run that this one resumes
            return
        lag = torch.zeros(0, dtype=torch.float64)
        if latlon is not None:
            places = latlon.cpu()
            first, second = stratified_pairs(places.numpy())
            lag = great_circle_km(places[first], places[second])
        default = {"binning": "log" if latlon is None else "uniform"}
        self.stream.begin(lag_edges(lag_km=lag, **{**default, **self.binning}))

    def collect(self, lag_km: Tensor, distance: Tensor, chosen: Tensor) -> None:
        """Add the chosen pairs of a training step, if pairs are collected.

        Args:
            lag_km: Distances on the ground ``[N, M]``.
            distance: Feature distances ``[N, M]``.
            chosen: Bool ``[N, M]``.
        """
        if self.is_collecting and self.training:
            values = distance[chosen]
            if self.is_shuffled:
                values = values[torch.randperm(len(values), generator=self.deal).to(values.device)]
            self.stream.add(lag_km[chosen], values)

    def fit(self) -> Semivariogram:
        """Fit the pairs of all processes; the fit in use stays."""
        points = self.stream.total().all_reduced().empirical()
        return fit_semivariogram(points, **self.fitting)
