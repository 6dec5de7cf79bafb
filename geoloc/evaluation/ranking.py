"""Exact ranking of a gallery for every query, in chunks of bounded memory."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from geoloc.datasets.place_levels import PlaceLevels
from geoloc.evaluation.finite import check_finite

MEMORY_MB = 64
BYTES_PER_PAIR = 32  # float64 and float32 scores, sort keys, and the copies in between
GALLERY_VALUES = 2**21  # converted to float64 at a time: 16 MB

Ranking = Iterator[tuple[slice, Tensor]]


class RankedChunk(NamedTuple):
    """The ranked galleries of a run of consecutive queries.

    Attributes:
        queries: The queries as a slice of the whole set.
        order: Gallery indices, best first, int64 ``[q, G]``.
        levels: Levels in that order, int8 ``[q, G]``.
        query_place: Place labels of the queries, int64 ``[q]``.
        gallery_place: Place labels of the gallery in its own order, int64 ``[G]``.
    """

    queries: slice
    order: Tensor
    levels: Tensor
    query_place: Tensor
    gallery_place: Tensor


def rank(
    query: Tensor, gallery: Tensor, max_memory_mb: float = MEMORY_MB, exclude: Tensor | None = None
) -> Ranking:
    """Rank the gallery for one run of queries after the other.

    Order: inner product descending (the cosine of normalised descriptors), then gallery index.
    Inner products are accumulated in float64 and rounded once to float32, so that a score depends
    neither on the chunk nor on the number of threads nor on the device, and equal descriptors tie.

    Args:
        query: Descriptors ``[Q, D]``.
        gallery: Descriptors ``[G, D]`` on the same device.
        max_memory_mb: Bounds the queries per chunk, by the memory (MiB) that ranking them takes
            beside the descriptors; a chunk holds at least one query.
        exclude: For every query the one gallery item that comes last whatever its score, int64
            ``[Q]``; -1 for none.

    Returns:
        An iterator of chunks: the queries as a slice, and the gallery indices, best first, int64
        ``[q, G]``.

    Raises:
        ValueError: If the widths differ, the gallery is empty, ``max_memory_mb`` is not above 0,
            or a descriptor is not finite.
    """
    check_sides(query, gallery)
    slices = _slices(len(query), len(gallery), max_memory_mb)
    return _sorted(slices, lambda rows: _scores(query[rows], gallery), exclude)


def rank_by_distance(
    distance: Tensor, max_memory_mb: float = MEMORY_MB, exclude: Tensor | None = None
) -> Ranking:
    """Rank the gallery by distances that exist already: ascending, then gallery index.

    Args:
        distance: Without NaN, float ``[Q, G]``; compared in float32.
        max_memory_mb: As for :func:`rank`.
        exclude: As for :func:`rank`.

    Returns:
        As :func:`rank`.

    Raises:
        ValueError: If the gallery is empty, ``max_memory_mb`` is not above 0, or a distance is NaN.
    """
    if distance.ndim != 2 or not distance.shape[1]:
        raise ValueError(f"distance must be [Q, G] with G >= 1, got {list(distance.shape)}.")
    if bool(distance.isnan().any()):
        row = int(distance.isnan().any(dim=1).nonzero()[0])
        raise ValueError(f"the distances of query {row} contain NaN.")
    slices = _slices(len(distance), distance.shape[1], max_memory_mb)
    return _sorted(slices, lambda rows: -distance[rows].float(), exclude)


def _slices(num_queries: int, num_items: int, max_memory_mb: float) -> Iterator[slice]:
    if not max_memory_mb > 0:
        raise ValueError(f"max_memory_mb={max_memory_mb} must be above 0.")
    step = max(1, int(max_memory_mb * 2**20) // (BYTES_PER_PAIR * num_items))
    starts = range(0, num_queries, step)
    return (slice(start, min(start + step, num_queries)) for start in starts)


def _scores(query: Tensor, gallery: Tensor) -> Tensor:
    """Return the inner products; the gallery is converted block by block, never as a whole."""
    rows = query.double()
    scores = query.new_empty(len(query), len(gallery), dtype=torch.float32)
    step = max(1, GALLERY_VALUES // max(1, gallery.shape[1]))
    for start in range(0, len(gallery), step):
        block = slice(start, start + step)
        scores[:, block] = rows @ gallery[block].double().T
    return scores


def _sorted(
    slices: Iterator[slice], scores_of: Callable[[slice], Tensor], exclude: Tensor | None
) -> Ranking:
    for rows in slices:
        scores = scores_of(rows)
        if exclude is not None:
            item = exclude[rows]
            some = (item >= 0).nonzero().squeeze(1)
            scores[some, item[some]] = -torch.inf
        yield rows, descending_order(scores)


def rank_all(query: Tensor, gallery: Tensor) -> Tensor:
    """Return the gallery indices of every query, best first, int64 ``[Q, G]``; see :func:`rank`."""
    orders = [order for _, order in rank(query, gallery)]
    return torch.cat(orders) if orders else torch.empty(0, len(gallery), dtype=torch.int64)


def ranked_levels(
    ranking: Ranking,
    levels: PlaceLevels,
    query_place: Tensor,
    gallery_place: Tensor,
    exclude: Tensor | None = None,
) -> Iterator[RankedChunk]:
    """Look up the levels of a ranking in ranked order, chunk by chunk.

    Args:
        ranking: From :func:`rank` or :func:`rank_by_distance`.
        levels: Levels between places.
        query_place: Place label of every query, int64 ``[Q]``.
        gallery_place: Place label of every gallery item, int64 ``[G]``.
        exclude: As for :func:`rank`. The item that comes last gets level 0, which for every metric
            is the same as if it were not in the gallery.

    Yields:
        One :class:`RankedChunk` after the other.
    """
    for rows, order in ranking:
        places = query_place[rows], gallery_place
        ranked = levels(*places).gather(1, order)
        if exclude is not None:
            ranked[exclude[rows] >= 0, -1] = 0
        yield RankedChunk(rows, order, ranked, *places)


def descending_order(scores: Tensor) -> Tensor:
    """Return the indices that sort each row: score descending, then index ascending.

    Args:
        scores: float32 ``[q, G]`` without NaN.

    Returns:
        int64 ``[q, G]``.
    """
    if scores.device.type != "cpu":
        return scores.sort(dim=1, descending=True, stable=True).indices
    # One 64-bit key per item, the score's bits above the index: all keys differ, so numpy's
    # vectorised unstable sort gives the stable order, in half the time of a stable sort.
    bits = (scores + 0.0).numpy().view(np.uint32)  # + 0.0 turns -0.0 into 0.0
    descending = np.where(bits >> 31, bits, ~bits & np.uint32(0x7FFF_FFFF))
    keys = descending.astype(np.uint64) << np.uint64(32)
    keys |= np.arange(scores.shape[1], dtype=np.uint64)
    keys.sort(axis=1)
    return torch.from_numpy((keys & np.uint64(0xFFFF_FFFF)).view(np.int64))


def check_sides(query: Tensor, gallery: Tensor) -> None:
    """Check that descriptors ``[Q, D]`` and ``[G, D]`` can be compared.

    Raises:
        ValueError: If the widths differ, the gallery is empty, or a descriptor is not finite.
    """
    if query.ndim != 2 or gallery.ndim != 2 or query.shape[1] != gallery.shape[1]:
        raise ValueError(
            "ranking needs query [Q, D] and gallery [G, D] of one width, got "
            f"{list(query.shape)} and {list(gallery.shape)}."
        )
    if not len(gallery):
        raise ValueError("the gallery is empty: there is nothing to rank.")
    check_finite("query", query)
    check_finite("gallery", gallery)
