"""Soft exemplar highlighting."""

import torch
from torch import Tensor

from geoloc.models.losses.rectified_triplet_loss import RectifiedTripletLoss, rectified_weights
from geoloc.registry import LOSSES


@LOSSES.register_module()
class SEHLoss(RectifiedTripletLoss):
    r"""Soft exemplar highlighting triplet loss (successor of HER).

    .. math::
        L = \frac{1}{B^2} \sum_{i \ne j} w_{ij} \log(1 + e^{g_{ij}}), \qquad
        w_{ij} = \log_2 (1 + e^{g_{ij} + m / 2})

    with the gaps g and the margin m of :class:`RectifiedTripletLoss`. A weight below that of
    :math:`g = -m` becomes 0, one above that of :math:`g = 0` is cut there.

    Known (abstract of the paper): distance-rectified logistic weights, small ones removed and
    large ones cut. Inferred: that they are HER's, that they have no gradient, and that both views
    give anchors.

    Args:
        scale: a, the factor on the descriptors; HER's 5 (inferred).
        positive_level: Lowest level of a positive.
        negative_level: Highest level of a negative; None means all below ``positive_level``.

    Raises:
        ConfigError: If ``scale`` is not positive, or ``negative_level`` not below
            ``positive_level``.
    """

    def weights(self, gap: Tensor) -> Tensor:
        """Return the weights of gaps ``[N, M]``, without gradient."""
        weight, low, high = rectified_weights(gap.detach(), self.margin)
        return torch.where(weight < low, 0, weight.clamp_max(high))
