"""Similarity between two sets of descriptors, shared by the losses that offer its variants."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from geoloc.errors import ConfigError
from geoloc.registry import SIMILARITIES

NORMALIZATIONS = ("feature", "batch", "none")
EPSILON = 1e-12  # the shortest length, as in F.normalize


@SIMILARITIES.register_module()
class Similarity(nn.Module):
    """Inner products of descriptors, normalised along one axis first.

    Args:
        normalize: ``'feature'`` scales every row to length 1, which gives the cosine the papers
            write. ``'batch'`` scales every *column over the batch* to length 1, as the official
            DyCL and InfoNCE code does. ``'none'`` leaves the descriptors as they are.

    ``'batch'`` is kept to reproduce published numbers. On centred isotropic descriptors it
    multiplies the cosine by about ``D / B``, so that with B = 128 and D = 512 a scale of 32 acts
    like 128 and a margin m like m / 4; and every similarity depends on the rest of the batch.

    Attributes:
        is_pairwise: Whether a similarity depends on its two descriptors alone.

    Raises:
        ConfigError: If ``normalize`` is none of the three.
    """

    def __init__(self, normalize: str = "feature") -> None:
        super().__init__()
        if normalize not in NORMALIZATIONS:
            known = ", ".join(NORMALIZATIONS)
            raise ConfigError(f"normalize={normalize!r} must be one of {known}.")
        self.normalize = normalize
        self.is_pairwise = normalize != "batch"

    def forward(self, query: Tensor, gallery: Tensor) -> Tensor:
        """Return the similarities ``[N, M]`` of ``query [N, D]`` and ``gallery [M, D]``."""
        if self.normalize == "feature":
            return cosine(query, gallery)
        if self.normalize == "batch":
            query, gallery = F.normalize(query, dim=0), F.normalize(gallery, dim=0)
        return query @ gallery.T

    def extra_repr(self) -> str:
        """Show the axis in ``repr(module)``."""
        return f"normalize={self.normalize!r}"


def cosine(query: Tensor, gallery: Tensor) -> Tensor:
    """Return the cosines ``[N, M]`` of the rows of ``query [N, D]`` and ``gallery [M, D]``."""
    cosines: Tensor = _Cosine.apply(query, gallery)
    return cosines


class _Cosine(torch.autograd.Function):
    """Cosines with a gradient in closed form.

    The products are divided by the lengths, not the rows: with N, M < D that takes a third of the
    time of ``F.normalize`` and its gradient.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, gallery: Tensor) -> Tensor:
        """Return the cosines ``[N, M]`` of ``query [N, D]`` and ``gallery [M, D]``."""
        lengths = [rows.norm(dim=1).clamp_min(EPSILON) for rows in (query, gallery)]
        scale = torch.outer(*lengths).reciprocal_()
        cosines = (query @ gallery.T).mul_(scale)
        ctx.save_for_backward(query, gallery, scale, cosines, *lengths)
        return cosines

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients with respect to both sides."""
        # d cos_ij / d q_i = g_j / (|q_i| |g_j|) - cos_ij q_i / |q_i|^2
        query, gallery, scale, cosines, query_length, gallery_length = ctx.saved_tensors
        radial, scaled = grad * cosines, grad * scale
        shrink_query = radial.sum(dim=1).div_(query_length.square())[:, None]
        shrink_gallery = radial.sum(dim=0).div_(gallery_length.square())[:, None]
        return (
            (scaled @ gallery).addcmul_(query, shrink_query, value=-1),
            (scaled.T @ query).addcmul_(gallery, shrink_gallery, value=-1),
        )


def unit_distance(cosines: Tensor) -> Tensor:
    """Return the Euclidean distances of descriptors of length 1 from their cosines.

    Distances below the square root of the rounding error (3e-4 in float32) cannot be told from 0;
    they are held there with gradient 0, which would otherwise be infinite.
    """
    return (2 - 2 * cosines).clamp_min(torch.finfo(cosines.dtype).eps).sqrt()
