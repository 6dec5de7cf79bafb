"""ProxyNCA++, a softmax over squared distances to one proxy per place."""

import torch.nn.functional as F
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.models.losses.normalized_softmax_loss import NormalizedSoftmaxLoss
from geoloc.registry import LOSSES


@LOSSES.register_module()
class ProxyNCALoss(NormalizedSoftmaxLoss):
    r"""Softmax over the squared distances to the proxies (ProxyNCA++, Teh et al., ECCV 2020).

    With the embedding x and the proxies p scaled to length 1,

    .. math::
        \ell = -\log \frac{e^{-s \|x - p_y\|^2}}{\sum_c e^{-s \|x - p_c\|^2}}

    As :math:`\|x - p\|^2 = 2 - 2 x \cdot p`, this is the normalised softmax at temperature
    :math:`1 / (2 s)`, applied to the direction of the embedding.

    Args:
        num_places: C, the number of training places.
        embed_dims: D.
        scale: s, the inverse temperature. The paper uses 9.

    Raises:
        ConfigError: If an argument is not positive.
    """

    def __init__(self, num_places: int, embed_dims: int, scale: float = 9.0) -> None:
        if scale <= 0:
            raise ConfigError(f"scale={scale} must be positive: it multiplies the distances.")
        super().__init__(num_places, embed_dims, temperature=1 / (2 * scale))

    def loss(self, embedding: Tensor, place_label: Tensor) -> Tensor:
        """Return the mean over the rows of ``embedding [N, D]``, which need not have length 1."""
        return super().loss(F.normalize(embedding, dim=1), place_label)
