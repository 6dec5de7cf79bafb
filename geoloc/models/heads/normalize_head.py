"""Pooled features as descriptors."""

import torch.nn.functional as F
from torch import Tensor, nn

from geoloc.models.losses.precision import full_precision
from geoloc.registry import HEADS


@HEADS.register_module()
class NormalizeHead(nn.Module):
    """L2 normalisation alone: for necks that learn the descriptor, such as MixVPR in CV-Cities.

    It has no parameters, and a descriptor has as many numbers as the pooled features.
    """

    def forward(self, pooled: Tensor) -> Tensor:
        """Return the descriptors ``[B, D]`` of ``pooled [B, D]``, rows of length 1.

        They are float32 even inside autocast (float64 for a float64 model).

        Raises:
            ValueError: If ``pooled`` is not ``[B, D]``.
        """
        if pooled.ndim != 2:
            raise ValueError(
                f"NormalizeHead needs pooled features [B, D], got {list(pooled.shape)}; take a "
                "neck that returns one vector per image."
            )
        return self.descriptor(pooled)

    def descriptor(self, embedding: Tensor) -> Tensor:
        """Return the descriptors ``[B, D]`` of an embedding, scaled to rows of length 1.

        Args:
            embedding: ``[B, D]`` of :meth:`forward`, or a sum of several, such as that of an image
                and its mirror image.
        """
        with full_precision(embedding) as (embedding,):
            return F.normalize(embedding, dim=1)
