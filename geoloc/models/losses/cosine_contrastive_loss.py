"""Contrastive loss on cosines, as used with cross-batch memory."""

import torch
from torch import Tensor

from geoloc.models.losses.pair_loss import PairLoss
from geoloc.registry import LOSSES

SAME_IMAGE = 1e-5  # a positive this similar is the anchor itself


@LOSSES.register_module()
class CosineContrastiveLoss(PairLoss):
    r"""Contrastive loss of the cosines s (Hadsell et al., 2006, in the form of XBM's code).

    .. math::
        \ell_i = \sum_{j \in P_i,\ s_{ij} < 1 - 10^{-5}} (1 - s_{ij})
                 + \sum_{k \in N_i,\ s_{ik} > m} s_{ik}

    with the positives :math:`P_i` of level ``positive_level`` or higher and all others as
    negatives :math:`N_i`; the loss is the mean over the anchors i. It jumps at the margin, as the
    official value does; ``ContrastiveLoss(1e-5, 0.5, "cosine", "anchor")`` has the same gradient
    without the jump.

    Args:
        margin: m, the cosine up to which a negative costs nothing.
        positive_level: Lowest level of a positive.
    """

    averages_rows = True

    def __init__(self, margin: float = 0.5, positive_level: int = 3) -> None:
        super().__init__()
        self.margin = margin
        self.positive_level = positive_level

    def loss(self, similarity: Tensor, levels: Tensor) -> Tensor:
        """Return the mean over the anchors of cosines and levels ``[N, M]``."""
        positive = levels >= self.positive_level
        pull = positive & (similarity < 1 - SAME_IMAGE)
        push = ~positive & (similarity > self.margin)
        return torch.where(pull, 1 - similarity, similarity * push).sum(dim=1).mean()
