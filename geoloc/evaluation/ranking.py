"""Exact ranking of a gallery for every query, in chunks of bounded memory."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from geoloc.datasets.place_levels import PlaceLevels

PAIRS_PER_CHUNK = 2**21


class RankedChunk(NamedTuple):
    """The ranked galleries of a run of consecutive queries.

    Attributes:
        queries: The queries as a slice of the whole set.
        order: Gallery indices, best first, int64 ``[q, G]``.
        levels: Levels in that order, int8 ``[q, G]``.
    """

    queries: slice
    order: Tensor
    levels: Tensor


def rank(
    query: Tensor, gallery: Tensor, chunk_size: int | None = None, exclude: Tensor | None = None
) -> Iterator[tuple[slice, Tensor]]:
    """Rank the gallery for one run of queries after the other.

    Order: inner product descending (the cosine of normalised descriptors), then gallery index.
    Inner products are accumulated in float64 and rounded once to float32, so that a score depends
    neither on the chunk nor on the number of threads nor on the device, and equal descriptors tie.

    Args:
        query: Descriptors ``[Q, D]``.
        gallery: Descriptors ``[G, D]`` on the same device.
        chunk_size: Queries per chunk; by default as many as make two million pairs (about 60 MB).
        exclude: For every query the one gallery item that comes last whatever its score, int64
            ``[Q]``; -1 for none.

    Returns:
        An iterator of chunks: the queries as a slice, and the gallery indices, best first, int64
        ``[q, G]``.

    Raises:
        ValueError: If the widths differ, the gallery is empty, ``chunk_size`` is below 1, or a
            descriptor is not finite.
    """
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"chunk_size={chunk_size} must be at least 1.")
    check_sides(query, gallery)
    return _chunks(query, gallery.double().T, chunk_size, exclude)


def _chunks(
    query: Tensor, columns: Tensor, chunk_size: int | None, exclude: Tensor | None
) -> Iterator[tuple[slice, Tensor]]:
    step = chunk_size or max(1, PAIRS_PER_CHUNK // columns.shape[1])
    for start in range(0, len(query), step):
        rows = slice(start, min(start + step, len(query)))
        scores = (query[rows].double() @ columns).float()
        if exclude is not None:
            item = exclude[rows]
            some = (item >= 0).nonzero().squeeze(1)
            scores[some, item[some]] = -torch.inf
        yield rows, descending_order(scores)


def rank_all(query: Tensor, gallery: Tensor) -> Tensor:
    """Return the gallery indices of every query, best first, int64 ``[Q, G]``; see :func:`rank`."""
    orders = [order for _, order in rank(query, gallery)]
    return torch.cat(orders) if orders else torch.empty(0, len(gallery), dtype=torch.int64)


def rank_levels(
    query: Tensor,
    gallery: Tensor,
    levels: PlaceLevels,
    query_place: Tensor,
    gallery_place: Tensor,
    chunk_size: int | None = None,
    exclude: Tensor | None = None,
) -> Iterator[RankedChunk]:
    """Rank the gallery and look up the levels in ranked order, chunk by chunk.

    Args:
        query: Descriptors ``[Q, D]``.
        gallery: Descriptors ``[G, D]``.
        levels: Levels between places.
        query_place: Place label of every query, int64 ``[Q]``.
        gallery_place: Place label of every gallery item, int64 ``[G]``.
        chunk_size: As for :func:`rank`.
        exclude: As for :func:`rank`. The item that comes last gets level 0, which for every metric
            is the same as if it were not in the gallery.

    Yields:
        One :class:`RankedChunk` after the other.
    """
    for rows, order in rank(query, gallery, chunk_size, exclude):
        ranked = levels(query_place[rows], gallery_place).gather(1, order)
        if exclude is not None:
            ranked[exclude[rows] >= 0, -1] = 0
        yield RankedChunk(rows, order, ranked)


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
    for name, descriptors in (("query", query), ("gallery", gallery)):
        finite = descriptors.isfinite().all(dim=1)
        if not bool(finite.all()):
            row = int((~finite).nonzero()[0])
            raise ValueError(f"the descriptor of {name} {row} contains NaN or infinity.")
