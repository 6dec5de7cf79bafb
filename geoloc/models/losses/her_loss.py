"""Hard exemplar reweighting."""

import torch
from torch import Tensor

from geoloc.models.losses.rectified_triplet_loss import RectifiedTripletLoss, rectified_weights
from geoloc.registry import LOSSES


@LOSSES.register_module()
class HERLoss(RectifiedTripletLoss):
    r"""Hard exemplar reweighting triplet loss (Cai et al., ICCV 2019).

    .. math::
        L = \frac{1}{B^2} \sum_{i \ne j} w_{ij} \log(1 + e^{g_{ij}}), \qquad
        w_{ij} = \log_2 (1 + e^{g_{ij} + m / 2})

    with the gaps g and the margin m of :class:`RectifiedTripletLoss`. A weight below that of
    :math:`g = -m` becomes 0.1 / B, one above that of :math:`g = 0` is cut there; between the
    bounds the weight has a gradient. Known from the official code, whose orientation term is left
    out. Only the queries (the ground images) are anchors, also where the model asks for both
    directions.

    Args:
        scale: a, the factor on the descriptors; 5 officially.
        positive_level: Lowest level of a positive.
        negative_level: Highest level of a negative; None means all below ``positive_level``.

    Raises:
        ConfigError: If ``scale`` is not positive, or ``negative_level`` not below
            ``positive_level``.
    """

    is_one_way = True

    def weights(self, gap: Tensor) -> Tensor:
        """Return the weights of gaps ``[N, M]``, with gradient."""
        weight, low, high = rectified_weights(gap, self.margin)
        return torch.where(weight < low, 0.1 / gap.shape[1], weight.clamp_max(high))
