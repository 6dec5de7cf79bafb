"""Class-similarity loss over proxies, with one margin per scale."""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

from geoloc.datasets.place_levels import PlaceLevels
from geoloc.errors import ConfigError
from geoloc.models.losses.logsumexp import grouped_logsumexp, softplus
from geoloc.models.losses.proxy_loss import ProxyLoss
from geoloc.registry import LOSSES

REDUCTIONS = ("sum", "mean")


@LOSSES.register_module()
class CSLLoss(ProxyLoss):
    r"""Proxy contrastive loss at several scales (CSL, Sun et al., Dynamic Metric Learning, 2021).

    With the inner products :math:`s_c` of an embedding with the proxy of each place c, its own
    place y, and the level :math:`T_{yc}` of two places (L the highest),

    .. math::
        \ell = \sum_{l=0}^{L-1} \log\Bigl(1 + \sum_{c: T_{yc} < L - l}
               e^{\tau (s_c - s_y + m_l)}\Bigr)

    averaged over the batch: from the smallest scale (l = 0, every other place is a negative) to
    the largest, only places beyond are pushed away, and the positive is always the own proxy.
    Levels may come from a tree of labels (the paper's fine, middle and coarse classes) or from
    distances on the ground. A scale without negatives contributes 0 with gradient 0. The
    embedding is taken as it comes, L2-normalised by the head.

    Args:
        num_places: C, the number of training places.
        embed_dims: D.
        scale: :math:`\tau`, the factor on the similarities.
        margins: :math:`m_0, \dots, m_{L-1}`, from the smallest scale up; their number is L. It is
            the opposite order of :class:`DyCLLoss` for the same values.
        reduction: ``'sum'`` or ``'mean'`` over the scales.

    Raises:
        ConfigError: If a number is not positive, ``margins`` is empty or ``reduction`` unknown.
    """

    averages_rows = True
    place_levels: PlaceLevels | None

    def __init__(
        self,
        num_places: int,
        embed_dims: int,
        scale: float = 32.0,
        margins: Sequence[float] = (0.25, 0.35, 0.45),
        reduction: str = "sum",
    ) -> None:
        super().__init__(num_places, embed_dims)
        if scale <= 0:
            raise ConfigError(f"scale={scale} must be positive: it multiplies the similarities.")
        if not margins:
            raise ConfigError("margins=() needs one margin per level, from the smallest scale up.")
        if reduction not in REDUCTIONS:
            raise ConfigError(f"reduction={reduction!r} must be one of {', '.join(REDUCTIONS)}.")
        self.scale = scale
        self.margins = tuple(margins)
        self.reduction = reduction
        self.place_levels = None

    def set_place_levels(self, levels: PlaceLevels) -> None:
        """Tell the levels between the training places; call it before the first step.

        Args:
            levels: Called with place labels ``rows [n]`` and ``columns [m]`` it returns the levels
                ``[n, m]``.

        Raises:
            ConfigError: If the number of places or of levels is not that of the loss.
        """
        if len(levels) != self.num_places:
            raise ConfigError(
                f"CSLLoss has num_places={self.num_places}, but the levels are those of "
                f"{len(levels)} places; set num_places={len(levels)}."
            )
        if levels.highest != len(self.margins):
            raise ConfigError(
                f"CSLLoss has {len(self.margins)} margins, but the highest level between places "
                f"is {levels.highest}; give margins={levels.highest} values, one per level."
            )
        self.place_levels = levels

    def loss(self, embedding: Tensor, place_label: Tensor) -> Tensor:
        """Return the mean over the rows of ``embedding [N, D]``, summed or averaged over scales.

        Raises:
            ConfigError: If :meth:`set_place_levels` was never called.
        """
        if self.place_levels is None:
            raise ConfigError(
                "CSLLoss does not know the levels between places; call set_place_levels(levels) "
                "before the first step."
            )
        similarity = self.similarity(embedding)
        places = torch.arange(self.num_places, device=place_label.device)
        levels = self.place_levels(place_label, places).long()
        # The levels partition the places: one pass gives the sums over exactly level 0, 1, ..., L,
        # and the nested sums over the levels below L - l follow by adding from the bottom.
        exact = grouped_logsumexp(self.scale * similarity, levels, 1 + len(self.margins))
        below = list(accumulate(exact.unbind(dim=1)[:-1], torch.logaddexp))
        negatives = torch.stack(below[::-1])  # [L, N]
        positive = similarity.gather(1, place_label[:, None])[:, 0]
        margins = similarity.new_tensor(self.margins)[:, None]
        terms = softplus(negatives + self.scale * (margins - positive)).mean(dim=1)
        return terms.sum() if self.reduction == "sum" else terms.mean()
