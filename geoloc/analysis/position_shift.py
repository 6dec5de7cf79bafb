"""How far k-reciprocal re-ranking moves the images of a ranking (DyCL, Fig. 7)."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.evaluation.ranking import descending_order
from geoloc.evaluation.rerank.encoding import by_image, encode
from geoloc.evaluation.rerank.jaccard import jaccard_distance
from geoloc.evaluation.rerank.neighbour_graph import neighbour_graph
from geoloc.evaluation.rerank.neighbours import cosine_distance_chunks, unit_rows

BINS = 48
TAU_QUERIES = 1000


class PositionShift(NamedTuple):
    """What re-ranking with one k1 moves.

    Attributes:
        k1: Neighbours of a reciprocal set.
        position: Positions before re-ranking, from 1; the mean of each of the bins, which are as
            wide as one position at the top and wider below, ``[B]``.
        shift: Mean number of positions that images move from there, up or down, ``[B]``.
        kendall: Mean of Kendall's tau between the orders before and after, in -1 .. 1.
    """

    k1: int
    position: list[float]
    shift: list[float]
    kendall: float


def position_shifts(
    descriptors: Tensor, k1_list: Sequence[int], k2: int = 6, lam: float = 0.3
) -> list[PositionShift]:
    """Ask for every image in turn, rank all others, re-rank them, and compare the positions.

    Kendall's tau is taken over 1,000 images at most, evenly spread over the set.

    Args:
        descriptors: ``[N, D]``, N at least 3.
        k1_list: Neighbours of a reciprocal set, each below N.
        k2: Neighbours whose encodings are averaged.
        lam: Weight of the distance before re-ranking.

    Returns:
        One result per k1.

    Raises:
        ConfigError: If a k1 is out of range.
        ValueError: If a descriptor is zero.
    """
    count = len(descriptors)
    if wrong := [k1 for k1 in k1_list if not 1 <= k1 < count]:
        raise ConfigError(f"k1={wrong[0]} must be in 1 .. {count - 1}, the images to be found.")
    shifts = np.zeros((len(k1_list), count - 1))
    taus: list[list[float]] = [[] for _ in k1_list]
    step = -(-count // TAU_QUERIES)
    for chunk, before, orders in _orders(descriptors, k1_list, k2, lam):
        position = np.argsort(before, axis=1)  # of every image, the query itself last
        for place, after in enumerate(orders):
            moved = np.argsort(after, axis=1)
            shift = np.abs(np.take_along_axis(moved, before, axis=1) - np.arange(count))
            shifts[place] += shift[:, :-1].sum(axis=0)
            for row in range(-chunk.start % step, len(before), step):
                others = before[row, :-1]
                tau = stats.kendalltau(position[row, others], moved[row, others]).statistic
                taus[place].append(float(tau))
    starts = _bins(count - 1)
    sizes = np.diff([*starts, count - 1])
    centre = np.add.reduceat(np.arange(1.0, count), starts) / sizes
    return [
        PositionShift(
            k1, centre.tolist(), (np.add.reduceat(sums, starts) / sizes / count).tolist(), mean
        )
        for k1, sums, mean in zip(k1_list, shifts, map(_mean, taus), strict=True)
    ]


def _orders(
    descriptors: Tensor, k1_list: Sequence[int], k2: int, lam: float
) -> Iterator[tuple[slice, NDArray[np.int64], list[NDArray[np.int64]]]]:
    """Yield runs of queries, the others by cosine, and re-ranked per k1; the query comes last."""
    unit = unit_rows(descriptors, "descriptors")
    graph = neighbour_graph(unit, max(*k1_list, k2 - 1) + 1)
    encodings = [encode(graph, k1, k2, power=2) for k1 in k1_list]
    columns = [by_image(encoding, 0) for encoding in encodings]
    for chunk, cosine in cosine_distance_chunks(unit, unit):
        distance = cosine.cpu().numpy()
        farthest = graph.farthest[chunk, None]
        original = (distance / np.where(farthest > 0, farthest, 1)) ** 2
        reranked = [
            jaccard_distance(chunk, rows, turned, original, lam)
            for rows, turned in zip(encodings, columns, strict=True)
        ]
        yield chunk, _order(distance, chunk), [_order(each, chunk) for each in reranked]


def _order(distance: NDArray[np.float64], chunk: slice) -> NDArray[np.int64]:
    scores = torch.from_numpy(-distance).float()
    itself = torch.arange(chunk.start, chunk.stop)
    scores[itself - chunk.start, itself] = -torch.inf
    order: NDArray[np.int64] = descending_order(scores).numpy()
    return order


def _bins(positions: int) -> NDArray[np.int64]:
    """Return where the bins start: every position at the top, then equal steps of its logarithm."""
    edges = np.geomspace(1, positions + 1, BINS + 1)[:-1]
    return np.unique(np.floor(edges).astype(np.int64)) - 1


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
