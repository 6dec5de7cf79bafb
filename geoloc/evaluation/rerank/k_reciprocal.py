"""k-reciprocal re-ranking of a gallery."""

import torch
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.evaluation.rerank.union import check_arguments, distance_chunks, empty_distance

POWERS = {"cosine": 2, "euclidean": 1}


def k_reciprocal_rerank(
    query: Tensor,
    gallery: Tensor,
    k1: int = 20,
    k2: int = 6,
    lam: float = 0.3,
    *,
    distance: str = "cosine",
    clip_k: bool = False,
) -> Tensor:
    """Return re-ranking distances: how few neighbours query and gallery image share.

    Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR 2017. All
    images are neighbours of each other, queries and gallery alike; each is its own first one.

    1. ``D[i, j] = d[i, j]^2 / max_j d[i, j]^2`` with the distance d of the descriptors.
    2. ``N(i, k)``: the k + 1 nearest images, equal distances by index, queries first.
    3. ``R(i, k)``: the j in N(i, k) for which i is in N(j, k). To R(i, k1) is added every
       ``R(j, k1 / 2)``, j in R(i, k1), of which more than two thirds are in R(i, k1).
    4. ``V[i, j] = exp(-D[i, j])`` for the j in that set and 0 elsewhere, over its row sum.
    5. Each V[i] becomes the mean of the V of the first k2 images in N(i).
    6. ``J[i, j] = 1 - m / (2 - m)`` with ``m = sum_c min(V[i, c], V[j, c])``.
    7. ``(1 - lam) J + lam D`` is returned.

    Descriptors are normalised and compared in float64; no array of all pairs is built. The product
    and the search for neighbours run on the device of the tensors, the rest on the CPU, in as many
    threads as torch uses.

    Args:
        query: Descriptors ``[Q, D]`` on a device that has float64.
        gallery: Descriptors ``[G, D]`` on the same device.
        k1: Neighbours of a reciprocal set, up to G.
        k2: Neighbours whose encodings are averaged, up to G; 1 for no averaging.
        lam: Weight of the original distance, 0 .. 1.
        distance: d, ``cosine``: 1 - cos (DyCL), or ``euclidean``: of the normalised descriptors
            (Zhong et al.). Both are squared in step 1.
        clip_k: A k1 or k2 larger than the gallery is no error but means all images there are.

    Returns:
        Distances in 0 .. 1, smaller is nearer, ``[Q, G]`` on the same device, in the dtype of the
        queries, at least float32.

    Raises:
        ConfigError: If k1, k2, lam or distance cannot work.
        ValueError: If the widths differ, the gallery is empty, or a descriptor is zero or not
            finite.
    """
    if distance not in POWERS:
        raise ConfigError(f"distance={distance!r} must be one of {', '.join(POWERS)}.")
    check_arguments(query, gallery, [k1], k2, lam, clip_k)
    result = empty_distance(query, gallery)
    for chunk, (distances,) in distance_chunks(
        query, gallery, [k1], k2, lam, power=POWERS[distance]
    ):
        result[chunk] = torch.from_numpy(distances)
    return result.to(query.device)
