"""Projection of pooled features to descriptors."""

import torch.nn.functional as F
from torch import Tensor, nn

from geoloc.models.losses.precision import full_precision
from geoloc.registry import HEADS


@HEADS.register_module()
class ProjectionHead(nn.Module):
    """LayerNorm without affine, linear layer, L2 normalisation: the head of DyCL and HAPPIER.

    Args:
        in_dims: I, the channels of the pooled features.
        embed_dims: D, the length of a descriptor.
        norm: Apply the LayerNorm.
    """

    def __init__(self, in_dims: int = 2048, embed_dims: int = 512, norm: bool = True) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(in_dims, elementwise_affine=False) if norm else nn.Identity()
        self.fc = nn.Linear(in_dims, embed_dims)

    def forward(self, pooled: Tensor) -> Tensor:
        """Return the descriptors ``[B, D]`` of ``pooled [B, I]``, rows of length 1.

        They are float32 even inside autocast (float64 for a float64 model): unit length must not
        be lost to half-precision rounding.

        Raises:
            ValueError: If ``pooled`` is not ``[B, I]``.
        """
        if pooled.ndim != 2 or pooled.shape[1] != self.fc.in_features:
            raise ValueError(
                f"ProjectionHead needs pooled features [B, {self.fc.in_features}], got "
                f"{list(pooled.shape)}; set in_dims to the neck's channels."
            )
        return self.descriptor(self.fc(self.norm(pooled)))

    def descriptor(self, embedding: Tensor) -> Tensor:
        """Return the descriptors ``[B, D]`` of an embedding, scaled to rows of length 1.

        An embedding of :meth:`forward` has length 1 already; a sum of several, such as that of an
        image and its mirror image, has not.
        """
        with full_precision(embedding) as (embedding,):
            return F.normalize(embedding, dim=1)
