"""One learned proxy per place, what the losses on cosines with proxies share."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geoloc.models.losses.class_loss import ClassLoss


class ProxyLoss(ClassLoss):
    """A class loss with a proxy per place in ``weight``, float ``[C, D]``.

    Proxies start uniform in +-1/sqrt(D). They need a learning rate of their own (DyCL: Adam, 10).

    Args:
        num_places: C, the number of training places.
        embed_dims: D.

    Raises:
        ConfigError: If an argument is not positive.
    """

    def __init__(self, num_places: int, embed_dims: int) -> None:
        super().__init__(num_places, embed_dims)
        bound = embed_dims**-0.5
        self.weight = nn.Parameter(torch.empty(num_places, embed_dims).uniform_(-bound, bound))

    def similarity(self, embedding: Tensor) -> Tensor:
        """Return the inner products ``[N, C]`` of ``embedding [N, D]`` with the unit proxies."""
        return embedding @ F.normalize(self.weight.to(embedding.dtype), dim=1).T
