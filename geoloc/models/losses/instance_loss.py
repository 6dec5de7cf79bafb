"""Instance loss: a linear classifier over places, shared by all views."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geoloc.models.losses.class_loss import ClassLoss
from geoloc.registry import LOSSES

INIT_STD = 1e-3


@LOSSES.register_module()
class InstanceLoss(ClassLoss):
    r"""Cross-entropy of a linear classifier (Zheng et al., University-1652, ACM MM 2020).

    With one classifier per part (LPN, Wang et al., TCSVT 2021, Eq. 5),

    .. math::
        \ell = \sum_{p=1}^{P} \mathrm{CE}(W_p x_p + b_p, y)

    averaged over the batch. Both papers *add* the losses of the views, the model averages them:
    a ``weight`` equal to the number of views gives the published sum.

    Args:
        num_places: C, the number of training places.
        embed_dims: D.
        num_parts: P. With 1, embeddings are ``[N, D]``; with more, ``[N, D, P]``.

    Raises:
        ConfigError: If an argument is not positive.
    """

    averages_rows = True

    def __init__(self, num_places: int, embed_dims: int, num_parts: int = 1) -> None:
        super().__init__(num_places, embed_dims, num_parts)
        weight = torch.empty(num_parts, num_places, embed_dims).normal_(std=INIT_STD)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(num_parts, num_places))

    def logits(self, embedding: Tensor) -> Tensor:
        """Return the logits ``[P, N, C]`` of ``embedding``, ``[N, D]`` or ``[N, D, P]``."""
        parts = embedding.reshape(*embedding.shape[:2], -1).permute(2, 0, 1)
        weight, bias = self.weight.to(parts.dtype), self.bias.to(parts.dtype)
        return torch.baddbmm(bias[:, None], parts, weight.transpose(1, 2))

    def loss(self, embedding: Tensor, place_label: Tensor) -> Tensor:
        """Return the cross-entropy, summed over the parts and averaged over the batch."""
        logits = self.logits(embedding)
        labels = place_label.repeat(len(logits))
        return F.cross_entropy(logits.flatten(0, 1), labels) * len(logits)
