"""Dynamic contrastive learning: one contrastive term per level."""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.models.losses.logsumexp import grouped_logsumexp, softplus
from geoloc.models.losses.pair_loss import PairLoss
from geoloc.registry import LOSSES


@LOSSES.register_module()
class DyCLLoss(PairLoss):
    r"""Dynamic contrastive loss (Distance-aware cross-view geo-localization, arXiv 2506.23077).

    Eq. 4: with the similarities S, the items :math:`N_i` of level 0 and the items
    :math:`P_i^r` of level r or higher,

    .. math::
        \ell_i = \sum_{r=1}^{L} \log\Bigl(1 + \sum_{j \in P_i^r} \sum_{k \in N_i}
                 e^{\tau (S_{ik} - S_{ij} + m_r)}\Bigr)

    and the loss is the mean over the anchors i. An anchor without negatives contributes 0 with
    gradient 0 and still counts in the mean.

    Args:
        scale: :math:`\tau`, the factor on the similarities.
        margins: :math:`m_L, \dots, m_1`, from the highest level down; their number is the number
            of levels. The values are the official code's, the paper states only their order.
        normalize: Axis of normalisation, see :class:`Similarity`. With the official ``'batch'``
            a scale of 32 and margins m act about like 128 and m / 4 at B = 128, D = 512.

    Raises:
        ConfigError: If ``scale`` is not positive, ``margins`` is empty or ``normalize`` unknown.
    """

    averages_rows = True

    def __init__(
        self,
        scale: float = 32.0,
        margins: Sequence[float] = (0.45, 0.35, 0.25),
        normalize: str = "feature",
    ) -> None:
        super().__init__(normalize)
        if scale <= 0:
            raise ConfigError(f"scale={scale} must be positive: it multiplies the similarities.")
        if not margins:
            raise ConfigError("margins=() needs one margin per level, from the highest level down.")
        self.scale = scale
        self.margins = tuple(margins)

    def loss(self, similarity: Tensor, levels: Tensor) -> Tensor:
        """Return the mean over the anchors of Eq. 4 for similarities and levels ``[N, M]``."""
        levels = levels.clamp(0, len(self.margins)).long()
        signed = similarity * torch.where(levels == 0, self.scale, -self.scale)
        # The levels partition the gallery: one pass gives the sums over exactly level 0, 1, ..., L,
        # and the nested sums over level r and above follow by adding from the top.
        negatives, *exact = grouped_logsumexp(signed, levels, 1 + len(self.margins)).unbind(dim=1)
        positives = torch.stack(list(accumulate(reversed(exact), torch.logaddexp)))  # [L, N]
        margins = self.scale * similarity.new_tensor(self.margins)[:, None]
        return softplus(negatives + positives + margins).sum(dim=0).mean()

    def symmetric_loss(self, similarity: Tensor, levels: Tensor) -> Tensor:
        """Return the mean over the anchors of both directions."""
        if similarity.shape[0] != similarity.shape[1]:
            return super().symmetric_loss(similarity, levels)
        # One pass over twice the rows: the time of a small batch goes into the calls of operators.
        return self.loss(torch.cat([similarity, similarity.T]), torch.cat([levels, levels.T]))
