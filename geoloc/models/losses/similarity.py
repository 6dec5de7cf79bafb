"""Similarity between two sets of descriptors, shared by the losses that offer its variants."""

import torch.nn.functional as F
from torch import Tensor, nn

from geoloc.errors import ConfigError

AXES = {"feature": 1, "batch": 0, "none": None}


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
        if normalize not in AXES:
            raise ConfigError(f"normalize={normalize!r} must be one of {', '.join(AXES)}.")
        self.normalize = normalize

    def forward(self, query: Tensor, gallery: Tensor) -> Tensor:
        """Return the similarities ``[N, M]`` of ``query [N, D]`` and ``gallery [M, D]``."""
        axis = AXES[self.normalize]
        if axis is not None:
            query, gallery = F.normalize(query, dim=axis), F.normalize(gallery, dim=axis)
        return query @ gallery.T

    def extra_repr(self) -> str:
        """Show the axis in ``repr(module)``."""
        return f"normalize={self.normalize!r}"
