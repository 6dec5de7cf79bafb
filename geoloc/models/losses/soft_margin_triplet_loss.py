"""Weighted soft-margin triplet loss, the loss of CVM-Net, SAFA, L2LTR and TransGeo."""

import torch
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.models.losses.logsumexp import softplus
from geoloc.models.losses.pair_loss import PairLoss
from geoloc.models.losses.similarity import unit_distance
from geoloc.registry import LOSSES

DISTANCES = ("squared", "euclidean")


@LOSSES.register_module()
class SoftMarginTripletLoss(PairLoss):
    r"""Weighted soft-margin triplet loss (Hu et al., CVM-Net, CVPR 2018).

    With the distance d of normalised descriptors, every anchor a, positive p and negative n give

    .. math::
        \log\bigl(1 + e^{\alpha (d_{ap} - d_{an})}\bigr)

    and the loss is the mean over all such triplets; 0 if there are none. The negatives are the
    items of level ``negative_level`` or lower; what lies between negatives and positives is
    neither. With the levels 3, 2, 1, 0 of a 25 m threshold for level 2, ``negative_level=1`` is
    the exclusion radius that SAFA uses on CVACT.

    One direction takes O(P M) time and memory for the P positives of the batch.

    Args:
        alpha: :math:`\alpha`. TransGeo writes the loss with cosines s; its
            :math:`20 (s_{an} - s_{ap})` is ``alpha=10`` here, since d = 2 - 2 s.
        distance: d is the ``'squared'`` Euclidean distance or the ``'euclidean'`` one.
        hardest: Average only the k largest terms of every pair of anchor and positive.
        include_diagonal: Let every item that is no negative, the positive itself included, add
            :math:`\log 2` to the sum but not to the number of triplets, as the official code of
            CVM-Net, SAFA and L2LTR does. For pairs that adds the constant
            :math:`\log 2 / (B - 1)`; with ``hardest`` such a term can displace a true one.
        positive_level: Lowest level of a positive.
        negative_level: Highest level of a negative; None means all below ``positive_level``.

    Raises:
        ConfigError: If an argument is out of range.
    """

    def __init__(
        self,
        alpha: float = 10.0,
        distance: str = "squared",
        hardest: int | None = None,
        include_diagonal: bool = False,
        positive_level: int = 3,
        negative_level: int | None = None,
    ) -> None:
        super().__init__()
        negative_level = positive_level - 1 if negative_level is None else negative_level
        _check(alpha, distance, hardest)
        if negative_level >= positive_level:
            raise ConfigError(
                f"negative_level={negative_level} must be below positive_level={positive_level}."
            )
        self.alpha = alpha
        self.distance = distance
        self.hardest = hardest
        self.include_diagonal = include_diagonal
        self.positive_level = positive_level
        self.negative_level = negative_level

    def loss(self, similarity: Tensor, levels: Tensor) -> Tensor:
        """Return the mean over the triplets of cosines and levels ``[N, M]``."""
        distance = -2 * similarity if self.distance == "squared" else unit_distance(similarity)
        anchor, item = (levels >= self.positive_level).nonzero(as_tuple=True)
        negative = (levels <= self.negative_level)[anchor]  # [P, M]
        gap = self.alpha * (distance[anchor, item, None] - distance[anchor])
        absent = 0.0 if self.include_diagonal else torch.finfo(gap.dtype).min
        terms = softplus(gap.masked_fill(~negative, absent))
        count = negative.sum(dim=1)
        if self.hardest is not None:
            limit = min(self.hardest, levels.shape[1])
            terms = terms.topk(limit, dim=1).values
            # an official log 2 among the hardest counts like any other term
            count = torch.full_like(count, limit) if self.include_diagonal else count
            count = count.clamp_max(limit)
        return terms.sum() / count.sum().clamp_min(1)


def _check(alpha: float, distance: str, hardest: int | None) -> None:
    if alpha <= 0:
        raise ConfigError(f"alpha={alpha} must be positive.")
    if distance not in DISTANCES:
        raise ConfigError(f"distance={distance!r} must be one of {', '.join(DISTANCES)}.")
    if hardest is not None and hardest < 1:
        raise ConfigError(f"hardest={hardest} must be at least 1; None averages all triplets.")
