"""Retrieval metrics: pure functions of ranked levels, one value per query.

Every function takes the gallery of each query in ranked order, best first: ``relevant [Q, N]``
(bool, or integers of which the non-zero ones count) or ``levels [Q, N]`` (any integer dtype, int8
is best). It returns float64 ``[Q]`` on the same device, NaN where the metric is undefined, which
is where a query has no relevant item (:func:`mean_cost_at_k` is always defined).

A query's value is the same to the last bit whichever queries it is computed with (on the CPU), so
that results do not depend on chunks or on how queries are shared among processes: integers are
counted exactly and floats are added in the order of the ranking, never by a reduction, whose order
depends on the shape.

Relevant items are few, so the functions gather their ranks first and never build a floating
``[Q, N]`` array.
"""

from collections.abc import Callable

import torch
from torch import Tensor

ONE_PERCENT: dict[str, Callable[[int], int]] = {
    "floor": lambda size: size // 100,
    "floor+1": lambda size: size // 100 + 1,
    "round+1": lambda size: round(size * 0.01) + 1,
}


def average_precision(relevant: Tensor) -> Tensor:
    """Return the average precision ``1/R sum_k b_k (b_1 + ... + b_k) / k`` per query.

    Args:
        relevant: Ranked relevance b ``[Q, N]``.
    """
    _check_ranked(relevant)
    query, index = relevant.nonzero(as_tuple=True)
    found = _running_count(torch.ones_like(query, dtype=torch.bool), query, len(relevant))
    precision = found.double() / (index + 1)
    return _sum_per_query(precision, query, len(relevant)) / _count(relevant)


def average_precision_at_r(relevant: Tensor) -> Tensor:
    """Return mAP@R per query: average precision of which only the ranks up to R count.

    ``1/R sum_{k <= R} b_k (b_1 + ... + b_k) / k`` (Musgrave et al., A Metric Learning Reality
    Check, ECCV 2020).

    Args:
        relevant: Ranked relevance b ``[Q, N]``.
    """
    _check_ranked(relevant)
    total = _count(relevant)
    query, index = relevant.nonzero(as_tuple=True)
    found = _running_count(torch.ones_like(query, dtype=torch.bool), query, len(relevant))
    precision = (found.double() / (index + 1)).masked_fill_(index >= total[query], 0)
    return _sum_per_query(precision, query, len(relevant)) / total


def trapezoidal_average_precision(relevant: Tensor) -> Tensor:
    """Return the area under the precision-recall curve by the trapezoidal rule per query.

    ``1/R sum_{relevant k} (p_{k-1} + p_k) / 2`` with the precision ``p_k = (b_1 + ... + b_k) / k``
    and ``p_0 = 1``. This is the AP of University-1652 (Zheng et al., ACM MM 2020) and of the
    benchmarks that share its code; it is below :func:`average_precision` wherever an irrelevant
    item precedes a relevant one.

    Args:
        relevant: Ranked relevance b ``[Q, N]``.
    """
    _check_ranked(relevant)
    query, index = relevant.nonzero(as_tuple=True)
    found = _running_count(torch.ones_like(query, dtype=torch.bool), query, len(relevant)).double()
    before = torch.where(index > 0, (found - 1) / index, 1.0)
    area = (before + found / (index + 1)) / 2
    return _sum_per_query(area, query, len(relevant)) / _count(relevant)


def one_percent_depth(gallery_size: int, convention: str = "floor") -> int:
    """Return the depth K that "recall at 1 %" of a gallery means, at least 1.

    Args:
        gallery_size: N, the number of gallery images.
        convention: ``floor``: N / 100 rounded down (SAFA, Sample4Geo on CVUSA, TransGeo), the plain
            reading; ``floor+1`` (CVM-Net, VIGOR); ``round+1`` (University-1652, LPN, SUES-200,
            DenseUAV, which read the curve at the 0-based index ``round(0.01 N)``).

    Raises:
        ValueError: If there is no such convention.
    """
    if convention not in ONE_PERCENT:
        raise ValueError(f"one_percent={convention!r} must be one of {', '.join(ONE_PERCENT)}")
    return max(1, ONE_PERCENT[convention](gallery_size))


def recall_at_k(relevant: Tensor, k: int) -> Tensor:
    """Return 1 where one of the first ``k`` items is relevant and 0 elsewhere (R@K).

    Args:
        relevant: Ranked relevance ``[Q, N]``.
        k: Depth, at least 1; larger than N means the whole gallery.
    """
    _check_ranked(relevant)
    _check_depth(k)
    hit = relevant[:, :k].bool().any(dim=1).double()
    return torch.where(_count(relevant) > 0, hit, torch.nan)


def hierarchical_average_precision(
    levels: Tensor, num_levels: int = 3, alpha: float = 1.0
) -> Tensor:
    """Return the hierarchical average precision H-AP (Ramzi et al., HAPPIER, 2022) per query.

    ``H-AP = sum_k (sum_{m <= k} min(rel_k, rel_m)) / k / sum_k rel_k`` with the relevance
    ``rel = (level / num_levels) ** alpha / count``, where count is the number of the query's items
    of exactly that level, so that the size of a level does not matter. It is 1 for the ranking by
    descending rel; where a level is so crowded that its items weigh less than those of a lower
    level (``2 / count_2 < 1 / count_1``), that is not the ranking by descending level.

    Args:
        levels: Ranked levels ``[Q, N]`` in ``0 .. num_levels``.
        num_levels: L, the highest level.
        alpha: Larger values give the nearer levels more weight.

    Raises:
        ValueError: If a level is outside ``0 .. num_levels``.
    """
    _check_ranked(levels)
    _check_levels(levels, num_levels)
    query, index = levels.nonzero(as_tuple=True)
    level = levels[query, index].long()
    steps = torch.arange(num_levels + 1, dtype=torch.float64, device=levels.device)
    count = torch.stack([_count(levels == step) for step in range(num_levels + 1)], dim=1)
    relevance = (steps / num_levels) ** alpha / count.clamp_min(1)  # [Q, L + 1]
    own = relevance[query, level]
    common = torch.zeros_like(own)
    total = relevance.new_zeros(len(levels))
    for step in range(1, num_levels + 1):
        found = _running_count(level == step, query, len(levels))
        common += torch.minimum(own, relevance[query, step]) * found
        total += relevance[:, step] * count[:, step]
    return _sum_per_query(common / (index + 1), query, len(levels)) / total


def average_set_intersection(levels: Tensor) -> Tensor:
    """Return the average set intersection (ASI) of the ranking with the ideal one per query.

    ``ASI = 1/R sum_{k=1..R} |top-k levels and ideal top-k levels| / k`` over multisets, with R the
    number of items above level 0. Items of one level are interchangeable. On binary levels it
    compares the hits among the first k with k.

    Args:
        levels: Ranked levels ``[Q, N]``, 0 or higher.
    """
    _check_ranked(levels)
    highest = _check_levels(levels)
    relevant = _count(levels > 0)  # [Q]
    depth = max(1, int(relevant.max()))
    rank = torch.arange(1, depth + 1, device=levels.device)
    head = levels[:, :depth]  # nothing below rank R enters the sum
    common = torch.zeros(head.shape, dtype=torch.int32, device=levels.device)
    for step in range(1, highest + 1):
        above = _count(levels > step)[:, None]
        at_step = _count(levels == step)[:, None]
        ideal = (rank - above).clamp_min(0).minimum(at_step)
        common += (head == step).cumsum(dim=1, dtype=torch.int32).minimum(ideal)
    intersection = (common / rank.double()).cumsum(dim=1)
    last = (relevant - 1).clamp_min(0)[:, None]
    return intersection.gather(1, last).squeeze(1) / relevant


def ndcg(levels: Tensor, k: int | None = None) -> Tensor:
    """Return the normalised discounted cumulative gain per query.

    Gain ``2 ** level - 1``, discount ``1 / log2(1 + rank)``. The ideal ranking is made of the
    whole list, also when only its first ``k`` items count.

    Args:
        levels: Ranked levels ``[Q, N]``, 0 or higher.
        k: Depth of both sums, the whole list by default.
    """
    _check_ranked(levels)
    highest = _check_levels(levels)
    depth = levels.shape[1] if k is None else min(_check_depth(k), levels.shape[1])
    rank = torch.arange(1, depth + 1, dtype=torch.float64, device=levels.device)
    discount = 1 / torch.log2(1 + rank)
    query, index = levels[:, :depth].nonzero(as_tuple=True)
    gain = discount.new_tensor([2.0**level - 1 for level in range(highest + 1)])
    gained = gain[levels[query, index].long()] * discount[index]
    achieved = _sum_per_query(gained, query, len(levels))
    best = torch.cat([discount.new_zeros(1), discount.cumsum(0)])  # [depth + 1]
    ideal = torch.zeros_like(achieved)
    for step in range(1, highest + 1):
        # an item of level s gains 1 + 2 + 4 + ...: 2 ** (r - 1) for every level r it reaches
        ideal += 2 ** (step - 1) * best[_count(levels >= step).clamp_max(depth)]
    return achieved / ideal


def hard_average_precision(levels: Tensor, level: int) -> Tensor:
    """Return AP# per query: the average precision of one level without the items above it.

    The items of exactly ``level`` are relevant; those of higher levels are taken out of the
    ranking, so that finding nearer items first is neither rewarded nor punished (HAPPIER's code).

    Args:
        levels: Ranked levels ``[Q, N]``.
        level: The level that counts.
    """
    _check_ranked(levels)
    query, index = (levels >= level).nonzero(as_tuple=True)
    relevant = levels[query, index] == level
    nearer = _running_count(~relevant, query, len(levels))
    found = _running_count(relevant, query, len(levels))
    precision = (found.double() / (index + 1 - nearer)).masked_fill_(~relevant, 0)
    return _sum_per_query(precision, query, len(levels)) / _count(levels == level)


def hit_rate(levels: Tensor, positive_level: int) -> Tensor:
    """Return 1 where no item but semi-positives is ranked before the positive, else 0 (VIGOR).

    Args:
        levels: Ranked levels ``[Q, N]``; the levels between 0 and the positive's are those of the
            semi-positives (Zhu et al., CVPR 2021: tiles that also show the place).
        positive_level: Level of the positive and above.
    """
    _check_ranked(levels)
    decisive = (levels >= positive_level) | (levels <= 0)
    first = decisive.int().argmax(dim=1, keepdim=True)  # argmax takes the first of equals
    hit = (levels.gather(1, first) >= positive_level).squeeze(1).double()
    return torch.where(_count(levels >= positive_level) > 0, hit, torch.nan)


def mean_cost_at_k(levels: Tensor, k: int, num_levels: int) -> Tensor:
    """Return the mean of ``1 - level / num_levels`` over the first ``k`` items per query.

    It is what acting on one of the first ``k`` results costs on average: 0 where it is the place
    itself, 1 where it is of no use; lower is better. With levels from a tree of labels this is the
    hierarchical distance of the top k (Bertinetto et al., Making Better Mistakes, CVPR 2020), with
    the height of the closest common node in units of the tree's. It needs no relevant item.

    Args:
        levels: Ranked levels ``[Q, N]`` in ``0 .. num_levels``.
        k: Depth, at least 1; larger than N means the whole gallery.
        num_levels: L, the highest level.

    Raises:
        ValueError: If ``k`` is below 1 or a level outside ``0 .. num_levels``.
    """
    _check_ranked(levels)
    _check_levels(levels, num_levels)
    head = levels[:, : _check_depth(k)]
    whole = num_levels * head.shape[1]
    return (whole - head.sum(dim=1)).double() / whole


def _count(mask: Tensor) -> Tensor:
    # a sum in 32 bits takes a quarter of the time of count_nonzero
    return mask.bool().sum(dim=1, dtype=torch.int32).long()


def _sum_per_query(values: Tensor, query: Tensor, num_queries: int) -> Tensor:
    sums = torch.zeros(num_queries, dtype=torch.float64, device=values.device)
    return sums.index_add_(0, query, values)


def _running_count(mask: Tensor, query: Tensor, num_queries: int) -> Tensor:
    """Count the true entries up to each one within its query; ``query`` is ascending."""
    total = mask.cumsum(dim=0)
    per_query = torch.bincount(query[mask], minlength=num_queries)
    return total - (per_query.cumsum(dim=0) - per_query)[query]


def _check_ranked(ranked: Tensor) -> None:
    if ranked.ndim != 2 or not ranked.numel():
        raise ValueError(f"ranked items must be [Q, N], Q and N >= 1, got {list(ranked.shape)}.")


def _check_depth(k: int) -> int:
    if k < 1:
        raise ValueError(f"k={k} must be at least 1.")
    return k


def _check_levels(levels: Tensor, num_levels: int | None = None) -> int:
    """Return the highest level that occurs, or ``num_levels`` if given."""
    if num_levels is not None and num_levels < 1:
        raise ValueError(f"num_levels={num_levels} must be at least 1.")
    low, high = (int(extreme) for extreme in levels.aminmax())
    if low < 0:
        raise ValueError(f"levels must be 0 or higher, got {low}.")
    if num_levels is not None and high > num_levels:
        raise ValueError(f"levels must be in 0 .. num_levels={num_levels}, got {high}.")
    return high if num_levels is None else num_levels
