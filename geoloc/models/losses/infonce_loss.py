"""InfoNCE, the contrastive loss of CLIP and Sample4Geo."""

import math

import torch
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.losses.logsumexp import masked_logsumexp, softplus
from geoloc.models.losses.pair_loss import PairLoss
from geoloc.registry import LOSSES

MAX_LEARNABLE_SCALE = 100.0


@LOSSES.register_module()
class InfoNCELoss(PairLoss):
    r"""Cross-entropy of picking the paired item out of the batch (van den Oord et al., 2018).

    With the similarities S, the positives :math:`P_i` of level ``positive_level`` or higher and
    the negatives :math:`N_i` of level ``negative_level`` or lower, by default all other items,

    .. math::
        \ell_i = \frac{1}{|P_i|} \sum_{j \in P_i} -\log
                 \frac{e^{s S_{ij}}}{e^{s S_{ij}} + \sum_{k \in N_i} e^{s S_{ik}}}

    and the loss is the mean over the anchors i. With one positive this is the usual cross-entropy
    over a row. A second image of the same place is thereby neither a negative nor does it lower
    the weight of a positive; the infimum stays 0. An anchor without positives or without
    negatives contributes 0 with gradient 0 and still counts in the mean.

    Label smoothing :math:`\epsilon` moves that share of the target evenly onto the positive and
    the negatives it competes with: each term gains :math:`\epsilon s` times the positive's lead
    over the mean similarity of :math:`\{j\} \cup N_i`. Sample4Geo is ``learnable=True,
    label_smoothing=0.1`` (its scale has no upper limit).

    Args:
        scale: s, the factor on the similarities (the inverse temperature).
        learnable: Train ``log_scale``, starting at ``scale`` and clamped at 100, as CLIP does.
        normalize: Axis of normalisation, see :class:`Similarity`. The official DACVGL code uses
            ``scale=1, normalize='batch'``.
        positive_level: Lowest level of a positive.
        negative_level: Highest level of a negative; None means all below ``positive_level``.
        label_smoothing: :math:`\epsilon`, in ``[0, 1)``.

    Raises:
        ConfigError: If ``scale``, ``label_smoothing`` or ``negative_level`` is out of range or
            ``normalize`` unknown.
    """

    averages_rows = True
    log_scale: nn.Parameter | None

    def __init__(
        self,
        scale: float = 1 / 0.07,
        learnable: bool = False,
        normalize: str = "feature",
        positive_level: int = 3,
        label_smoothing: float = 0.0,
        negative_level: int | None = None,
    ) -> None:
        super().__init__(normalize)
        if scale <= 0 or (learnable and scale > MAX_LEARNABLE_SCALE):
            limit = f" and at most {MAX_LEARNABLE_SCALE:g} if learnable" if learnable else ""
            raise ConfigError(f"scale={scale} must be positive{limit}.")
        if not 0 <= label_smoothing < 1:
            raise ConfigError(f"label_smoothing={label_smoothing} must be in [0, 1).")
        negative_level = positive_level - 1 if negative_level is None else negative_level
        if negative_level >= positive_level:
            raise ConfigError(
                f"negative_level={negative_level} must be below positive_level={positive_level}."
            )
        self.scale = scale
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale))) if learnable else None
        self.positive_level = positive_level
        self.negative_level = negative_level
        self.label_smoothing = label_smoothing

    def loss(self, similarity: Tensor, levels: Tensor) -> Tensor:
        """Return the mean cross-entropy over the anchors of similarities and levels ``[N, M]``."""
        logits = self._current_scale() * similarity
        positive, negative = levels >= self.positive_level, levels <= self.negative_level
        negatives = masked_logsumexp(logits, negative)
        terms = softplus(negatives[:, None] - logits)
        if self.label_smoothing:
            terms = terms + self.label_smoothing * (logits - _mean_of_choices(logits, negative))
        return ((terms * positive).sum(dim=1) / positive.sum(dim=1).clamp_min(1)).mean()

    def _current_scale(self) -> Tensor | float:
        if self.log_scale is None:
            return self.scale
        with torch.no_grad():  # on the value, so that the gradient can lead back below the limit
            self.log_scale.clamp_(max=math.log(MAX_LEARNABLE_SCALE))
        return self.log_scale.exp()


def _mean_of_choices(logits: Tensor, negative: Tensor) -> Tensor:
    """Return the mean over every entry together with the negatives of its row, ``[N, M]``."""
    negatives = (logits * negative).sum(dim=1, keepdim=True)
    return (logits + negatives) / (1 + negative.sum(dim=1, keepdim=True))
