"""Normalised softmax over one learned proxy per place, the clustering loss of DyCL."""

import torch.nn.functional as F
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.models.losses.proxy_loss import ProxyLoss
from geoloc.registry import LOSSES


@LOSSES.register_module()
class NormalizedSoftmaxLoss(ProxyLoss):
    """Cross-entropy over cosines with proxies (Zhai and Wu, 2019; clustering loss of DyCL, Eq. 5).

    ``logits = embedding @ normalize(weight).T / temperature``. The embedding is taken as it comes,
    L2-normalised by the head.

    Args:
        num_places: C, the number of training places.
        embed_dims: D.
        temperature: Divides the logits. DyCL's Eq. 5 has none; its code uses 0.05.

    Raises:
        ConfigError: If an argument is not positive.
    """

    averages_rows = True

    def __init__(self, num_places: int, embed_dims: int, temperature: float = 0.05) -> None:
        super().__init__(num_places, embed_dims)
        if temperature <= 0:
            raise ConfigError(f"temperature={temperature} must be positive: it divides the logits.")
        self.temperature = temperature

    def loss(self, embedding: Tensor, place_label: Tensor) -> Tensor:
        """Return the mean cross-entropy of ``embedding [N, D]``."""
        return F.cross_entropy(self.similarity(embedding) / self.temperature, place_label)
