"""Query expansion: descriptors averaged with those of their nearest gallery images."""

import torch
import torch.nn.functional as F
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.evaluation.ranking import check_sides
from geoloc.evaluation.rerank.neighbours import nearest_neighbours, unit_rows


def average_query_expansion(
    query: Tensor, gallery: Tensor, k: int = 50, alpha: float = 3.0
) -> Tensor:
    """Return expanded queries (alpha-QE).

    ``q' = q + sum_i max(0, cos(q, g_i))^alpha g_i`` over the k nearest gallery images, normalised,
    with normalised descriptors (Radenovic et al., Fine-tuning CNN Image Retrieval with No Human
    Annotation, TPAMI 2018). ``alpha=0`` is the plain average.

    Args:
        query: Descriptors ``[Q, D]`` on a device that has float64.
        gallery: Descriptors ``[G, D]`` on the same device.
        k: Gallery images per query, 1 .. G.
        alpha: Larger values give the nearer images more weight, at least 0.

    Returns:
        L2-normalised queries ``[Q, D]`` on the same device, in their dtype.

    Raises:
        ConfigError: If k or alpha is out of range.
        ValueError: If the widths differ, the gallery is empty, or a descriptor is zero or not
            finite.
    """
    check_sides(query, gallery)
    if not 1 <= k <= len(gallery):
        raise ConfigError(f"k={k} must be in 1 .. {len(gallery)}, the size of the gallery.")
    if not alpha >= 0:
        raise ConfigError(f"alpha={alpha} must be at least 0.")
    rows, columns = unit_rows(query, "query"), unit_rows(gallery, "gallery")
    found = nearest_neighbours(rows, columns, k)
    cosine = torch.from_numpy(1 - found.distance).to(rows.device)
    index = torch.from_numpy(found.nearest).to(rows.device).long()
    weight = cosine.clamp_min(0) ** alpha
    expanded = rows.clone()
    for item in range(k):  # [Q, D] at a time, never [Q, k, D]
        expanded += weight[:, item, None] * columns[index[:, item]]
    return F.normalize(expanded).to(query.dtype)
