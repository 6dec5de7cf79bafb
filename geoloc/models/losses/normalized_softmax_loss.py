"""Normalised softmax over one learned proxy per place, the clustering loss of DyCL."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.losses.precision import full_precision
from geoloc.registry import LOSSES


@LOSSES.register_module()
class NormalizedSoftmaxLoss(nn.Module):
    """Cross-entropy over cosines with proxies (Zhai and Wu, 2019; clustering loss of DyCL, Eq. 5).

    ``logits = embedding @ normalize(weight).T / temperature``. The embedding is taken as it comes,
    L2-normalised by the head. The proxies need a learning rate of their own (DyCL: Adam, 10).

    Args:
        num_places: C, the number of training places.
        embed_dims: D.
        temperature: Divides the logits. DyCL's Eq. 5 has none; its code uses 0.05.

    Raises:
        ConfigError: If an argument is not positive.
    """

    def __init__(self, num_places: int, embed_dims: int, temperature: float = 0.05) -> None:
        super().__init__()
        if min(num_places, embed_dims, temperature) <= 0:
            raise ConfigError(
                f"num_places={num_places}, embed_dims={embed_dims} and temperature={temperature} "
                "must be positive."
            )
        self.num_places = num_places
        self.temperature = temperature
        bound = embed_dims**-0.5
        self.weight = nn.Parameter(torch.empty(num_places, embed_dims).uniform_(-bound, bound))

    def forward(self, embedding: Tensor, place_label: Tensor) -> Tensor:
        """Return the mean cross-entropy, a scalar.

        Args:
            embedding: L2-normalised descriptors ``[N, D]``.
            place_label: Training labels ``[N]``, int64, in ``0 .. num_places - 1``.

        Raises:
            ValueError: If the shapes do not fit together, or a label on the CPU is out of range
                (on a GPU the check would stall every step).
        """
        self._check(embedding, place_label)
        with full_precision(embedding, self.weight) as (embedding, weight):
            logits = embedding @ F.normalize(weight, dim=1).T / self.temperature
            return F.cross_entropy(logits, place_label)

    def _check(self, embedding: Tensor, place_label: Tensor) -> None:
        num_places, dims = self.weight.shape
        if embedding.shape != (len(place_label), dims) or not len(place_label):
            raise ValueError(
                f"NormalizedSoftmaxLoss needs embedding [N, {dims}] and place_label [N] with "
                f"N >= 1, got {list(embedding.shape)} and {list(place_label.shape)}."
            )
        if place_label.device.type != "cpu":
            return
        low, high = (int(extreme) for extreme in place_label.aminmax())
        if low < 0 or high >= num_places:
            label = low if low < 0 else high
            raise ValueError(
                f"place_label {label} is outside 0 .. {num_places - 1}: the loss was built with "
                f"num_places={num_places}; set it to the number of training places."
            )
