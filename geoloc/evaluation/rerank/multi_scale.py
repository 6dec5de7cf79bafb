"""Multi-scale re-ranking (MSRerank) of a gallery."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.evaluation.rerank.neighbours import columns_of, nearest_keys
from geoloc.evaluation.rerank.union import check_arguments, distance_chunks, empty_distance

Distances = NDArray[np.float64]


def multi_scale_rerank(
    query: Tensor,
    gallery: Tensor,
    k1_list: Sequence[int],
    k2: int = 6,
    lam: float = 0.3,
    variant: str = "segment",
    *,
    clip_k: bool = False,
) -> Tensor:
    """Return re-ranking distances that keep the head of each scale and re-rank the rest.

    DyCL (arXiv 2506.23077, section IV-D). ``d_l`` is the distance of :func:`k_reciprocal_rerank`
    with ``k1 = k^l``, the l-th of ``k1_list``.

    - ``segment``, the published code: queries and gallery are ranked together. The result starts
      as ``d_0``, and its ``k^0 + 1`` nearest images are frozen. For each further l, the images not
      frozen get ``d_l + l``, then the ``k^l + 1`` nearest images by the new result are frozen
      too.
    - ``accumulate``, the published text: the gallery alone is ranked. The result starts as 0. For
      each l, ``d_l`` is added to the images not frozen, then the ``k^l`` nearest images by the new
      result are frozen too. The first ``k^0`` images are those of k-reciprocal re-ranking.

    Equal distances are ordered by index. Memory: see :func:`k_reciprocal_rerank`.

    Args:
        query: Descriptors ``[Q, D]`` on a device that has float64.
        gallery: Descriptors ``[G, D]`` on the same device.
        k1_list: ``k^0, k^1, ...``, one per scale, nearest first, up to G; see
            ``k1_from_training``.
        k2: Neighbours whose encodings are averaged, up to G; 1 for no averaging.
        lam: Weight of the original distance, 0 .. 1.
        variant: ``segment`` or ``accumulate``.
        clip_k: A k larger than the gallery is no error but means all images there are.

    Returns:
        Distances from 0 to the number of scales, smaller is nearer, ``[Q, G]`` on the same
        device, in the dtype of the queries, at least float32.

    Raises:
        ConfigError: If k1_list, k2, lam or variant cannot work.
        ValueError: If the widths differ, the gallery is empty, or a descriptor is zero or not
            finite.
    """
    if variant not in VARIANTS:
        raise ConfigError(f"variant={variant!r} must be one of {', '.join(VARIANTS)}.")
    if not len(k1_list):
        raise ConfigError("k1_list is empty; it needs one k1 per scale, such as [20, 62, 292].")
    check_arguments(query, gallery, k1_list, k2, lam, clip_k)
    combine = VARIANTS[variant]
    result = empty_distance(query, gallery)
    for chunk, distances in distance_chunks(
        query, gallery, k1_list, k2, lam, to_queries=variant == "segment"
    ):
        combined = combine(distances, k1_list)
        result[chunk] = torch.from_numpy(combined[:, -len(gallery) :])
    return result.to(query.device)


def _segment(distances: list[Distances], k1_list: Sequence[int]) -> Distances:
    result = distances[0]
    frozen = np.zeros(result.shape, bool)
    for scale in range(1, len(distances)):
        _freeze(frozen, result, k1_list[scale - 1] + 1)
        result = np.where(frozen, result, distances[scale] + scale)
    return result


def _accumulate(distances: list[Distances], k1_list: Sequence[int]) -> Distances:
    result = distances[0]
    frozen = np.zeros(result.shape, bool)
    for scale in range(1, len(distances)):
        _freeze(frozen, result, k1_list[scale - 1])
        result = np.where(frozen, result, result + distances[scale])
    return result


def _freeze(frozen: NDArray[np.bool_], result: Distances, count: int) -> None:
    keys = nearest_keys(torch.from_numpy(result), min(count, result.shape[1]))
    np.put_along_axis(frozen, columns_of(keys), True, axis=1)


VARIANTS: dict[str, Callable[[list[Distances], Sequence[int]], Distances]] = {
    "segment": _segment,
    "accumulate": _accumulate,
}
