"""Contrastive loss over all pairs of a batch."""

from torch import Tensor

from geoloc.models.losses.pair_loss import PairLoss
from geoloc.models.losses.reduction import check_reduction, reduce_terms
from geoloc.models.losses.similarity import unit_distance
from geoloc.registry import LOSSES


@LOSSES.register_module()
class ContrastiveLoss(PairLoss):
    r"""Contrastive loss (Hadsell et al., 2006) in the linear form of PyTorch Metric Learning.

    With the Euclidean distance d of normalised descriptors, a positive pair, of level
    ``positive_level`` or higher, gives the term :math:`\max(0, d - m_+)` and a negative pair
    :math:`\max(0, m_- - d)`. The terms of both kinds are averaged apart and added.

    Args:
        positive_margin: :math:`m_+`, the distance below which a positive pair costs nothing.
        negative_margin: :math:`m_-`, the distance above which a negative pair costs nothing.
        reduction: ``'mean'`` over all pairs of a kind or over the ``'nonzero'`` (positive) terms;
            0 if there are none.
        positive_level: Lowest level of a positive.

    Raises:
        ConfigError: If ``reduction`` is unknown.
    """

    def __init__(
        self,
        positive_margin: float = 0.0,
        negative_margin: float = 1.0,
        reduction: str = "nonzero",
        positive_level: int = 3,
    ) -> None:
        super().__init__()
        check_reduction(reduction)
        self.positive_margin = positive_margin
        self.negative_margin = negative_margin
        self.reduction = reduction
        self.positive_level = positive_level

    def loss(self, similarity: Tensor, levels: Tensor) -> Tensor:
        """Return the sum of both means over the pairs of cosines and levels ``[N, M]``."""
        distance = unit_distance(similarity)
        positive = levels >= self.positive_level
        pull = (distance - self.positive_margin).relu()
        push = (self.negative_margin - distance).relu()
        return reduce_terms(pull, positive, self.reduction) + reduce_terms(
            push, ~positive, self.reduction
        )
