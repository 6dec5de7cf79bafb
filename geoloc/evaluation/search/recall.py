"""How much of the exact result an approximate search finds."""

from collections.abc import Sequence

import numpy as np

from geoloc.evaluation.search.result import SearchResult


def search_recall(
    found: SearchResult, exact: SearchResult, depths: Sequence[int] = (1, 10)
) -> dict[str, float]:
    """Return the share of the exact first K that the approximate first K holds, averaged.

    ``recall@K = |found[:K] & best(K)| / K``, the mean over the queries. ``best(K)`` are the exact
    first K and what scores the same as the K-th, as far as ``exact`` lists it: give it more than K
    columns, and an equally good item counts however ties were broken. This is a measure of the
    index, not R@K of :mod:`geoloc.evaluation.functional`, which asks for the same place.

    Args:
        found: Result of the approximate search, at least ``max(depths)`` columns.
        exact: Result of the exact search for the same queries, as many or more columns.
        depths: The values of K.

    Returns:
        ``{"recall@K": 0 .. 1}`` for every K.

    Raises:
        ValueError: If the results have different or no queries, or too few columns.
    """
    queries, columns = len(found.index), min(found.index.shape[1], exact.index.shape[1])
    if queries != len(exact.index) or not queries:
        raise ValueError(
            f"recall needs the same queries in both results, at least one, got {queries} found and "
            f"{len(exact.index)} exact."
        )
    for depth in depths:
        if not 1 <= depth <= columns:
            raise ValueError(
                f"depth {depth} must be in 1 .. {columns}, the columns of both results."
            )
    # One number per query and item; -1 for "nothing found" gets a number that no item has
    first = np.arange(queries)[:, None] * (1 + max(found.index.max(), exact.index.max()) + 1) + 1
    recall = {}
    for depth in depths:
        best = exact.scores >= exact.scores[:, depth - 1 : depth]
        hits = np.isin((found.index + first)[:, :depth], (exact.index + first)[best])
        recall[f"recall@{depth}"] = float(hits.mean())
    return recall
