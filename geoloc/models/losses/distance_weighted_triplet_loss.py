"""Triplet loss whose negatives are drawn evenly over the distances."""

import torch
import torch.nn.functional as F
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.models.losses.pair_loss import PairLoss
from geoloc.models.losses.similarity import unit_distance
from geoloc.registry import LOSSES


@LOSSES.register_module()
class DistanceWeightedTripletLoss(PairLoss):
    r"""Triplet loss under distance-weighted sampling (Wu et al., ICCV 2017, arXiv 1706.07567).

    The method draws one negative n for every anchor a and positive p with the probability
    :math:`w_{an}` of :func:`distance_weighted_probabilities`. This loss is the expected value

    .. math::
        \ell = \operatorname{mean}_{a, p} \sum_n w_{an} \max(0, d_{ap} - d_{an} + m)

    with the probabilities as constants, so its gradient is the mean of the gradients of all
    draws, without their noise and without a random state. Anchors without an eligible negative
    are left out of the mean; the loss is 0 if none is left.

    Args:
        embed_dims: D, the length of the descriptors, on which the probabilities depend.
        margin: m.
        cutoff: See :func:`distance_weighted_probabilities`.
        nonzero_cutoff: See :func:`distance_weighted_probabilities`.
        positive_level: Lowest level of a positive.

    Raises:
        ConfigError: If ``embed_dims`` is below 2 or the cutoffs are not ``0 < cutoff <
            nonzero_cutoff < 2``.
    """

    def __init__(
        self,
        embed_dims: int,
        margin: float = 0.1,
        cutoff: float = 0.5,
        nonzero_cutoff: float = 1.4,
        positive_level: int = 3,
    ) -> None:
        super().__init__()
        if embed_dims < 2:
            raise ConfigError(f"embed_dims={embed_dims} must be the length of the descriptors.")
        if not 0 < cutoff < nonzero_cutoff < 2:
            raise ConfigError(
                f"cutoff={cutoff} and nonzero_cutoff={nonzero_cutoff} must be distances of unit "
                "vectors, 0 < cutoff < nonzero_cutoff < 2."
            )
        self.embed_dims = embed_dims
        self.margin = margin
        self.cutoff = cutoff
        self.nonzero_cutoff = nonzero_cutoff
        self.positive_level = positive_level

    def loss(self, similarity: Tensor, levels: Tensor) -> Tensor:
        """Return the expected mean over the triplets of cosines and levels ``[N, M]``."""
        distance = unit_distance(similarity)
        positive = levels >= self.positive_level
        probability = distance_weighted_probabilities(
            distance.detach(), ~positive, self.embed_dims, self.cutoff, self.nonzero_cutoff
        )
        # Prefix sums over the items in ascending order: no array of all triplets.
        ascending, order = distance.sort(dim=1)
        weight = probability.gather(1, order)
        mass = F.pad(weight.cumsum(dim=1), (1, 0))
        moment = F.pad((weight * ascending).cumsum(dim=1), (1, 0))
        limit = distance + self.margin
        end = torch.searchsorted(ascending.detach(), limit.detach())
        terms = limit * mass.gather(1, end) - moment.gather(1, end)
        pairs = positive & (probability > 0).any(dim=1, keepdim=True)
        return terms.masked_fill(~pairs, 0).sum() / pairs.sum().clamp_min(1)


def distance_weighted_probabilities(
    distance: Tensor, negative: Tensor, embed_dims: int, cutoff: float, nonzero_cutoff: float
) -> Tensor:
    r"""Return the probabilities to draw each item as the negative of an anchor.

    Distances of random unit vectors have the density :math:`q(d) = d^{D-2} (1 - d^2/4)^{(D-3)/2}`
    (Wu et al., Eq. 3), concentrated at :math:`\sqrt 2`. Weights of :math:`1 / q(d)` spread the
    draws evenly over the distances.

    Args:
        distance: Distances of unit vectors ``[N, M]``.
        negative: The items to draw from, bool ``[N, M]``.
        embed_dims: D.
        cutoff: Shorter distances get the weight of this one.
        nonzero_cutoff: Distances from here on are never drawn.

    Returns:
        ``[N, M]``; rows add up to 1, or to 0 where no item is eligible.
    """
    eligible = negative & (distance < nonzero_cutoff)
    d = distance.clamp(cutoff, nonzero_cutoff)
    log_weight = (2 - embed_dims) * d.log() - (embed_dims - 3) / 2 * torch.log1p(-d.square() / 4)
    # The lowest number instead of -inf: a row of it gives no NaN, and the mask makes it 0.
    log_weight = log_weight.masked_fill(~eligible, torch.finfo(d.dtype).min)
    return log_weight.softmax(dim=1) * eligible
