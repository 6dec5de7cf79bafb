"""Contrastive loss over all pairs of a batch."""

from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.models.losses.pair_loss import PairLoss
from geoloc.models.losses.reduction import check_reduction, reduce_terms
from geoloc.models.losses.similarity import unit_distance
from geoloc.registry import LOSSES

DISTANCES = ("euclidean", "cosine")


@LOSSES.register_module()
class ContrastiveLoss(PairLoss):
    r"""Contrastive loss (Hadsell et al., CVPR 2006) in its linear form.

    With the distance d of normalised descriptors, a positive pair, of level ``positive_level`` or
    higher, gives the term :math:`\max(0, d - m_+)` and a negative pair
    :math:`\max(0, m_- - d)`. The terms of both kinds are reduced apart and added.

    The defaults are those of PyTorch Metric Learning. ``positive_margin=1e-5,
    negative_margin=0.5, distance="cosine", reduction="anchor"`` has the gradient of the official
    code of cross-batch memory (XBM, Wang et al., CVPR 2020): 1e-5 leaves out an image as its own
    positive. That code adds 0.5 to the sum for every active negative pair, so that its value,
    but not its gradient, jumps at the margin.

    Args:
        positive_margin: :math:`m_+`, the distance below which a positive pair costs nothing.
        negative_margin: :math:`m_-`, the distance above which a negative pair costs nothing.
        distance: d is the ``'euclidean'`` distance or the ``'cosine'`` one, 1 minus the cosine.
        reduction: ``'mean'`` over all pairs of a kind or over the ``'nonzero'`` (positive) terms,
            0 if there are none; ``'anchor'`` averages the sums of the anchors.
        positive_level: Lowest level of a positive.

    Raises:
        ConfigError: If ``distance`` or ``reduction`` is unknown.
    """

    def __init__(
        self,
        positive_margin: float = 0.0,
        negative_margin: float = 1.0,
        distance: str = "euclidean",
        reduction: str = "nonzero",
        positive_level: int = 3,
    ) -> None:
        super().__init__()
        if distance not in DISTANCES:
            raise ConfigError(f"distance={distance!r} must be one of {', '.join(DISTANCES)}.")
        check_reduction(reduction, "anchor")
        self.positive_margin = positive_margin
        self.negative_margin = negative_margin
        self.distance = distance
        self.reduction = reduction
        self.averages_rows = reduction == "anchor"
        self.positive_level = positive_level

    def loss(self, similarity: Tensor, levels: Tensor) -> Tensor:
        """Return the loss of the pairs of cosines and levels ``[N, M]``."""
        distance = 1 - similarity if self.distance == "cosine" else unit_distance(similarity)
        positive = levels >= self.positive_level
        pull = (distance - self.positive_margin).relu()
        push = (self.negative_margin - distance).relu()
        if self.reduction == "anchor":
            return pull.where(positive, push).sum(dim=1).mean()
        return reduce_terms(pull, positive, self.reduction) + reduce_terms(
            push, ~positive, self.reduction
        )
