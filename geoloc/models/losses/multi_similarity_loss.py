"""Multi-similarity loss, a soft weighting of positives and negatives by their similarity."""

import torch
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.models.losses.logsumexp import grouped_logsumexp, softplus
from geoloc.models.losses.pair_loss import PairLoss
from geoloc.registry import LOSSES


@LOSSES.register_module()
class MultiSimilarityLoss(PairLoss):
    r"""Multi-similarity loss (Wang et al., CVPR 2019, arXiv 1904.06627).

    With the similarities S, the positives :math:`P_i` of level ``positive_level`` or higher and
    the negatives :math:`N_i`, all other items,

    .. math::
        \ell_i = \frac{1}{\alpha} \log\Bigl(1 + \sum_{j \in P_i} e^{-\alpha (S_{ij} - b)}\Bigr)
               + \frac{1}{\beta} \log\Bigl(1 + \sum_{k \in N_i} e^{\beta (S_{ik} - b)}\Bigr)

    and the loss is the mean over the anchors i. The part of an empty set is 0.

    Args:
        alpha: :math:`\alpha`, how sharply the loss picks the least similar positives.
        beta: :math:`\beta`, how sharply it picks the most similar negatives.
        base: b, the similarity where both parts turn.
        epsilon: Keep only the positives with :math:`S_{ij} - \epsilon < \max_k S_{ik}` and the
            negatives with :math:`S_{ik} + \epsilon > \min_j S_{ij}`, the miner of the paper
            (there 0.1). An anchor without positives or without negatives then contributes 0.
            None keeps all.
        positive_level: Lowest level of a positive.

    Raises:
        ConfigError: If ``alpha`` or ``beta`` is not positive.
    """

    averages_rows = True

    def __init__(
        self,
        alpha: float = 2.0,
        beta: float = 50.0,
        base: float = 0.5,
        epsilon: float | None = None,
        positive_level: int = 3,
    ) -> None:
        super().__init__()
        if min(alpha, beta) <= 0:
            raise ConfigError(f"alpha={alpha} and beta={beta} must be positive.")
        self.alpha = alpha
        self.beta = beta
        self.base = base
        self.epsilon = epsilon
        self.positive_level = positive_level

    def loss(self, similarity: Tensor, levels: Tensor) -> Tensor:
        """Return the mean over the anchors of similarities and levels ``[N, M]``."""
        positive = levels >= self.positive_level
        group = positive.long()  # 0 negative, 1 positive
        if self.epsilon is not None:
            group.masked_fill_(self._uninformative(similarity.detach(), positive), 2)
        logits = (similarity - self.base) * torch.where(positive, -self.alpha, self.beta)
        push, pull = grouped_logsumexp(logits, group, 3).unbind(dim=1)[:2]
        return (softplus(pull) / self.alpha + softplus(push) / self.beta).mean()

    def _uninformative(self, similarity: Tensor, positive: Tensor) -> Tensor:
        """Return the pairs, bool ``[N, M]``, that the miner leaves out."""
        assert self.epsilon is not None
        nearest_negative = similarity.masked_fill(positive, -torch.inf).amax(dim=1, keepdim=True)
        farthest_positive = similarity.masked_fill(~positive, torch.inf).amin(dim=1, keepdim=True)
        easy_positive = similarity - self.epsilon >= nearest_negative
        easy_negative = similarity + self.epsilon <= farthest_positive
        return torch.where(positive, easy_positive, easy_negative)
