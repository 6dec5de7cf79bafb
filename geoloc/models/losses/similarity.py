"""Similarity between two sets of descriptors, shared by the losses that offer its variants."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geoloc.errors import ConfigError

NORMALIZATIONS = ("feature", "batch", "none")
EPSILON = 1e-12  # the shortest length, as in F.normalize


class Similarity(nn.Module):
    """Inner products of descriptors, normalised along one axis first.

    Args:
        normalize: ``'feature'`` scales every row to length 1, which gives the cosine the papers
            write. ``'batch'`` scales every *column over the batch* to length 1, as the official
            DyCL and InfoNCE code does. ``'none'`` leaves the descriptors as they are.

    ``'batch'`` is kept to reproduce published numbers. On centred isotropic descriptors it
    multiplies the cosine by about ``D / B``, so that with B = 128 and D = 512 a scale of 32 acts
    like 128 and a margin m like m / 4; and every similarity depends on the rest of the batch.

    Raises:
        ConfigError: If ``normalize`` is none of the three.
    """

    def __init__(self, normalize: str = "feature") -> None:
        super().__init__()
        if normalize not in NORMALIZATIONS:
            known = ", ".join(NORMALIZATIONS)
            raise ConfigError(f"normalize={normalize!r} must be one of {known}.")
        self.normalize = normalize

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
    """Return the cosines ``[N, M]`` of the rows of ``query [N, D]`` and ``gallery [M, D]``.

    The products are divided by the lengths, not the rows: with N, M < D that takes less memory
    and half the time of ``F.normalize`` and its gradient.
    """
    lengths = (rows.norm(dim=1).clamp_min(EPSILON) for rows in (query, gallery))
    return query @ gallery.T / torch.outer(*lengths)
