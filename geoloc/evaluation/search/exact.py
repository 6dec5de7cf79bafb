"""Exact search: the first k of the ranking, without ranking the gallery.

float32 screens and float64 decides. A float32 product, streamed over the gallery, keeps somewhat
more than k candidates per query; these are scored again in float64. The rounding error of a float32
inner product is bounded (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., Eq. 3.5):
a query is answered if nothing that was dropped can reach its k-th score. The other queries, with
many equal or nearly equal descriptors around the k-th, are searched once more in float64.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from geoloc.evaluation.finite import check_finite
from geoloc.evaluation.row_blocks import map_blocks
from geoloc.evaluation.search.descriptors import (
    Descriptors,
    as_array,
    check_shape,
    rows_of,
    spans,
)
from geoloc.evaluation.search.result import (
    SearchResult,
    index_of,
    order_keys,
    result_of,
    scores_of,
)
from geoloc.evaluation.search.shortlist import Shortlist

PAIRS_PER_TILE = 2**22  # 16 MB of scores: the selection still finds them in the cache
ROWS_PER_BLOCK = 4096
SLACK = 16
ROUNDOFF = 2.0**-24  # of float32
SMALLEST = 2.0**-126  # normal float32; what is below may be flushed to zero


def exact_search(
    query: Descriptors, gallery: Descriptors, k: int, max_memory_mb: int = 256
) -> SearchResult:
    """Return the first k of :func:`geoloc.evaluation.ranking.rank`, with their scores.

    Order: inner product descending (the cosine of normalised descriptors), accumulated in float64
    and rounded once to float32; then gallery index. The two results can differ only where the order
    of a float64 sum shows in float32: once in some 10^8 scores, or where a sum cancels to nothing.

    Args:
        query: Descriptors ``[Q, D]``, a tensor or an array, of any floating-point type. The search
            runs on their device, wherever the gallery is.
        gallery: Descriptors ``[G, D]``; a memory map is read in blocks, once or a few times.
        k: Items per query, 1 .. G.
        max_memory_mb: Working memory in MB, roughly, besides the arguments and the result.

    Raises:
        ValueError: If shapes, ``k`` or ``max_memory_mb`` cannot work, or a descriptor is not
            finite.
    """
    check_shape("the queries", query)
    check_shape("the gallery", gallery)
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"the queries are {query.shape[1]} wide and the gallery {gallery.shape[1]}: use "
            "descriptors of one model."
        )
    if not len(gallery):
        raise ValueError("the gallery is empty: there is nothing to find.")
    if not 1 <= k <= len(gallery):
        raise ValueError(f"k={k} must be in 1 .. {len(gallery)}, the size of the gallery.")
    if max_memory_mb < 1:
        raise ValueError(f"max_memory_mb={max_memory_mb} must be at least 1.")
    gallery = as_array(gallery)
    keep = min(k + k // 8 + SLACK, len(gallery))
    # Of the memory half is for the queries: float32 copies, keys, and a copy to sort.
    queries = max(1, max_memory_mb * 2**19 // (4 * query.shape[1] + 40 * keep))
    scores = np.empty((len(query), k), np.float32)
    index = np.empty((len(query), k), np.int64)
    with _plain_float32():
        for rows in spans(len(query), queries):
            some = rows_of(as_array(query), rows)
            check_finite("query", some, rows.start)
            scores[rows], index[rows] = _search(some, gallery, k, keep, max_memory_mb)
    return SearchResult(scores, index)


def search_blocks(
    query: Descriptors, gallery: Iterable[Descriptors], k: int, max_memory_mb: int = 256
) -> SearchResult:
    """Return what :func:`exact_search` finds in a gallery that comes in blocks.

    Every block is looked at once, so that a gallery can be computed on the way.

    Args:
        query: Descriptors ``[Q, D]``.
        gallery: Blocks ``[g, D]`` of the gallery; best of many thousand rows.
        k: Items per query, 1 .. G.
        max_memory_mb: As for :func:`exact_search`.

    Raises:
        ValueError: As :func:`exact_search`; rows are counted from the start of their block.
    """
    if k < 1:
        raise ValueError(f"k={k} must be at least 1.")
    keys, first = torch.empty(len(query), 0, dtype=torch.int64), 0
    for block in gallery:
        if not len(block):
            continue
        found = exact_search(query, block, min(k, len(block)), max_memory_mb)
        new = order_keys(torch.from_numpy(found.scores), torch.from_numpy(found.index + first))
        keys = torch.cat([keys, new], dim=1).sort(dim=1).values[:, :k]
        first += len(block)
    if not first:
        raise ValueError("the gallery is empty: there is nothing to find.")
    if k > first:
        raise ValueError(f"k={k} must be in 1 .. {first}, the size of the gallery.")
    return result_of(keys)


def _search(
    query: Tensor, gallery: Descriptors, k: int, keep: int, max_memory_mb: int
) -> SearchResult:
    screened, reach = _screen(query, gallery, keep, max_memory_mb)
    keys = _rescored(query, gallery, index_of(screened))[:, :k]
    if keep < len(gallery):
        # The best that anything dropped can score, after the rounding to float32 that ranks do
        limit = (scores_of(screened[:, -1]).double() + reach).float()
        uncertain = ~(scores_of(keys[:, -1]) > limit)  # true for NaN
        if bool(uncertain.any()):
            keys[uncertain] = _exhaustive(query[uncertain], gallery, k, max_memory_mb)
    return result_of(keys)


def _screen(
    query: Tensor, gallery: Descriptors, keep: int, max_memory_mb: int
) -> tuple[Tensor, Tensor]:
    """Find candidates by float32 scores.

    Returns:
        Keys of the ``keep`` best screening scores, ascending, ``[q, keep]``; and the largest error
        of any screening score of a query, float64 ``[q]``.
    """
    single, largest = query.float(), query.new_zeros((), dtype=torch.float64)
    shortlist = Shortlist(len(query), keep, query.device)
    height, width = _tile_shape(gallery, max_memory_mb)
    tile = single.new_empty(min(len(query), height) * width)
    for columns in spans(len(gallery), width):
        own = rows_of(gallery, columns)
        block = own.to(query.device, torch.float32)
        norms = _norm_bounds(block)
        if not bool(norms.isfinite().all()):  # also of huge entries, whose squares overflow
            check_finite("gallery", own, columns.start)
        largest = torch.maximum(largest, norms.max())
        for rows in spans(len(query), height):
            part = single[rows]
            scores = tile[: len(part) * len(block)].view(len(part), len(block))
            shortlist.offer(rows, torch.mm(part, block.T, out=scores), columns.start)
    return shortlist.best(), _screening_error(_norm_bounds(single), largest, query.shape[1])


def _norm_bounds(rows: Tensor) -> Tensor:
    """Return norms of float32 rows, not below the exact ones, in float64 ``[n]``."""
    # In float32: float64 would take fifty times as long. A square may be flushed to zero.
    norms = torch.linalg.vector_norm(rows, dim=1).double()
    width = rows.shape[1]
    bounds: Tensor = norms * (1 + _gamma(width)) + (width * SMALLEST) ** 0.5
    return bounds


def _screening_error(query_norm: Tensor, gallery_norm: Tensor, width: int) -> Tensor:
    """Bound the difference between a float32 and an exact inner product; any order of summation.

    ``gamma_D |q| |g|``, and what flushing numbers below the normal ones to zero can add.
    """
    flushed = 2 * width * SMALLEST * (1 + query_norm + gallery_norm)
    # 1 + 1e-6: the roundings of float64, here and in the scores of the candidates
    return (1 + 1e-6) * _gamma(width) * query_norm * gallery_norm + flushed


def _gamma(width: int) -> float:
    """Return Higham's gamma_n, with two roundings more: those of float64 entries to float32."""
    error = (width + 2) * ROUNDOFF
    return error / (1 - error) if error < 1 else float("inf")


def _rescored(query: Tensor, gallery: Descriptors, index: Tensor) -> Tensor:
    """Return the keys of candidates ``[q, keep]`` by their float64 scores, ascending."""
    # Where the gallery is: the other way round all candidates would have to be moved.
    where = gallery.device if isinstance(gallery, Tensor) else torch.device("cpu")
    double, place = query.double().to(where), index.to(where)
    scores = torch.empty(index.shape, dtype=torch.float32, device=where)

    def score(start: int, stop: int) -> None:
        for row in range(start, stop):
            scores[row] = _inner_products(gallery, place[row], double[row])

    map_blocks(score, len(query), size=64)
    return order_keys(scores.to(query.device), index).sort(dim=1).values


def _inner_products(gallery: Descriptors, index: Tensor, query: Tensor) -> Tensor:
    """Return the float64 scores of gallery items; equal items score the same to the last bit."""
    if isinstance(gallery, Tensor):
        return (gallery[index].double() * query).sum(dim=1)
    items = gallery[index.numpy()].astype(np.float64)
    return torch.from_numpy(np.einsum("gd,d->g", items, query.numpy()))


def _exhaustive(query: Tensor, gallery: Descriptors, k: int, max_memory_mb: int) -> Tensor:
    """Return the keys of the k best by the float64 scores of the whole gallery, ``[q, k]``."""
    double = query.double()
    shortlist = Shortlist(len(query), k, query.device)
    height, width = _tile_shape(gallery, max_memory_mb)
    for columns in spans(len(gallery), width):
        block = rows_of(gallery, columns).to(query.device).double()
        for rows in spans(len(query), height):
            shortlist.offer(rows, (double[rows] @ block.T).float(), columns.start)
    return shortlist.best()


def _tile_shape(gallery: Descriptors, max_memory_mb: int) -> tuple[int, int]:
    """Return queries and gallery items per tile; the items, and the scores, fit an eighth each."""
    eighth = max_memory_mb * 2**17
    width = max(1, min(eighth // (8 * gallery.shape[1]), ROWS_PER_BLOCK, len(gallery)))
    return max(1, min(eighth // 4, PAIRS_PER_TILE) // width), width


@contextmanager
def _plain_float32() -> Iterator[None]:
    """Keep products of float32 from being computed with the short mantissas of TF32 or bfloat16."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
