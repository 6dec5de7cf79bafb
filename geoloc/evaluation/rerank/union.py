"""The k-reciprocal distances of queries, with the neighbours among queries and gallery alike."""

import operator
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.evaluation.ranking import check_sides
from geoloc.evaluation.rerank.encoding import by_image, encode
from geoloc.evaluation.rerank.jaccard import jaccard_distance
from geoloc.evaluation.rerank.neighbour_graph import neighbour_graph
from geoloc.evaluation.rerank.neighbours import cosine_distance_chunks, unit_rows


def check_arguments(
    query: Tensor, gallery: Tensor, k1_list: Sequence[int], k2: int, lam: float, clip_k: bool
) -> None:
    """Check the descriptors and the numbers that a user chooses.

    Raises:
        ConfigError: If a number cannot work.
        ValueError: If the descriptors cannot be compared.
    """
    check_sides(query, gallery)
    for name, k in [("k2", k2), *(("k1", k1) for k1 in k1_list)]:
        try:
            whole = operator.index(k)
        except TypeError:
            whole = 0
        if whole < 1:
            raise ConfigError(f"{name}={k!r} must be a whole number of at least 1.")
        if k > len(gallery) and not clip_k:
            raise ConfigError(
                f"{name}={k} is larger than the gallery of {len(gallery)} images; choose at most "
                f"{len(gallery)}, or clip_k=True to count all images as neighbours."
            )
    if not 0 <= lam <= 1:
        raise ConfigError(f"lam={lam!r}, the weight of the original distance, must be in 0 .. 1.")


def distance_chunks(
    query: Tensor,
    gallery: Tensor,
    k1_list: Sequence[int],
    k2: int,
    lam: float,
    power: int = 2,
    to_queries: bool = False,
) -> Iterator[tuple[slice, list[NDArray[np.float64]]]]:
    """Compute the k-reciprocal distances at several k1, one run of queries after the other.

    Args:
        query: Descriptors ``[Q, D]``.
        gallery: Descriptors ``[G, D]``.
        k1_list: Neighbours of a reciprocal set.
        k2: Neighbours whose encodings are averaged.
        lam: Weight of the original distance.
        power: Of the cosine distance, which gives the original distance.
        to_queries: The distances of each query to all queries come before those to the gallery.

    Yields:
        The queries as a slice, and for every k1 their distances, float64 ``[q, G]`` or
        ``[q, Q + G]``.

    Raises:
        ValueError: If a descriptor is zero.
    """
    union = torch.cat([unit_rows(query, "query"), unit_rows(gallery, "gallery")])
    graph = neighbour_graph(union, max(*k1_list, k2 - 1) + 1)
    first = 0 if to_queries else len(query)
    encodings = [encode(graph, k1, k2, power) for k1 in k1_list]
    columns = [by_image(encoding, first) for encoding in encodings]
    for chunk, cosine_distance in cosine_distance_chunks(union[: len(query)], union[first:]):
        farthest = graph.farthest[chunk, None]
        original = cosine_distance.cpu().numpy() / np.where(farthest > 0, farthest, 1)
        original **= power
        yield (
            chunk,
            [
                jaccard_distance(chunk, rows, turned, original, lam)
                for rows, turned in zip(encodings, columns, strict=True)
            ],
        )


def empty_distance(query: Tensor, gallery: Tensor) -> Tensor:
    """Return an uninitialised ``[Q, G]`` on the CPU, in the queries' dtype, at least float32."""
    dtype = torch.promote_types(query.dtype, torch.float32)
    return torch.empty(len(query), len(gallery), dtype=dtype)
