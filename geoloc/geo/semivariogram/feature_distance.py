"""Dissimilarities of pairs of features."""

import torch
import torch.nn.functional as F
from torch import Tensor

from geoloc.geo.semivariogram.pair_sampling import Pairs

_BLOCK = 1 << 15  # pairs whose features are held at once


def cosine_distance_of_pairs(features: Tensor, pairs: Pairs) -> Tensor:
    """Return 1 - cosine, float64 ``[P]``.

    Args:
        features: Floating ``[..., N, D]``, normalised here; leading axes are averaged over, for
            features of several views whose distances are comparable within a view only.
        pairs: Pairs of the N items.
    """
    unit = F.normalize(features.reshape(-1, *features.shape[-2:]), dim=-1)
    first, second = (torch.from_numpy(side) for side in pairs)
    distances = []
    for a, b in zip(torch.split(first, _BLOCK), torch.split(second, _BLOCK), strict=True):
        cosines = (unit[:, a] * unit[:, b]).sum(dim=-1, dtype=torch.float64)
        distances.append(1 - cosines.mean(dim=0))
    return torch.cat(distances) if distances else torch.empty(0, dtype=torch.float64)
