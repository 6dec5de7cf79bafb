"""Streaming sums per bin of distance, from which the empirical semivariogram is computed."""

from dataclasses import dataclass, replace

import torch
from mmengine.dist import all_reduce
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.geo.semivariogram.empirical import Empirical
from geoloc.geo.semivariogram.estimators import STREAMING, cressie_hawkins, matheron

SUMS = ("count", "d", "d^2", "h", "x^(1/2)")


@dataclass(frozen=True)
class BinSums:
    """Sums over the pairs of every bin; those of two sets of pairs add up to those of both.

    Attributes:
        edges_km: Edges of the K bins, float64 ``[K + 1]``, half-open to the right.
        sums: Float64 ``[5, K]`` in the order of ``SUMS``, with the dissimilarity d = x^2 / 2 and
            the distance h in kilometres. In float64 a billion pairs cost the spread less than
            1e-6, so no shift of d is needed.
    """

    edges_km: Tensor
    sums: Tensor

    @classmethod
    def empty(cls, edges_km: Tensor) -> "BinSums":
        """Return the sums over no pair."""
        return cls(edges_km, edges_km.new_zeros(len(SUMS), len(edges_km) - 1))

    @classmethod
    def of_pairs(cls, edges_km: Tensor, lag_km: Tensor, dissimilarity: Tensor) -> "BinSums":
        """Return the sums over some pairs; those outside all bins do not count.

        Args:
            edges_km: Float64 ``[K + 1]``.
            lag_km: Distances h, floating ``[P]``.
            dissimilarity: d, floating ``[P]``.
        """
        bins = len(edges_km) - 1
        lag, d = lag_km.detach().double(), dissimilarity.detach().double().clamp_min(0)
        place = torch.bucketize(lag.contiguous(), edges_km, right=True) - 1
        inside = (place >= 0) & (place < bins)
        place, lag, d = place[inside], lag[inside], d[inside]
        terms = torch.stack([torch.ones_like(d), d, d.square(), lag, (2 * d) ** 0.25])
        return cls(edges_km, edges_km.new_zeros(len(SUMS), bins).index_add_(1, place, terms))

    def __add__(self, other: "BinSums") -> "BinSums":
        """Return the sums over both sets of pairs.

        Raises:
            ValueError: If they have different bins.
        """
        if not torch.equal(self.edges_km, other.edges_km):
            raise ValueError("sums over different bins of distance cannot be added")
        return replace(self, sums=self.sums + other.sums)

    def decayed(self, factor: float) -> "BinSums":
        """Return sums in which all pairs so far weigh ``factor`` times as much."""
        return replace(self, sums=factor * self.sums)

    def all_reduced(self) -> "BinSums":
        """Return the sums over the pairs of all processes; themselves in a run of one."""
        total = self.sums.clone()
        all_reduce(total)
        return replace(self, sums=total)

    def empirical(self, estimator: str = "matheron", dims: float = 1) -> Empirical:
        """Return the empirical semivariogram.

        Args:
            estimator: ``'matheron'`` or ``'cressie'``; medians need the pairs themselves.
            dims: Dimensions of the features, for ``'cressie'``.

        Raises:
            ConfigError: If the estimator is no streaming one.
        """
        if estimator not in STREAMING:
            raise ConfigError(
                f"estimator={estimator!r} does not work on sums; use one of {', '.join(STREAMING)}"
            )
        count, total, square, lag, root = self.sums
        mean = matheron(total, count)
        spread = (square / count - mean.square()).clamp_min(0).sqrt()
        gamma = mean if estimator == "matheron" else cressie_hawkins(root, count, dims)
        return Empirical(self.edges_km, lag / count, gamma, spread, count)
