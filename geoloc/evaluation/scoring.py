"""How the ranked levels of the queries become the metrics of a task."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoloc.datasets.place_levels import PlaceLevels
from geoloc.errors import ConfigError
from geoloc.evaluation import functional
from geoloc.evaluation.localization import localization_statistics, spatial_distance_metric
from geoloc.evaluation.ranking import RankedChunk
from geoloc.geo import geodesic_distance_of_pairs

Columns = dict[str, Tensor]
LEVEL_METRICS = ("H-AP", "ASI", "NDCG", "mAP", "R@1", "R@5", "R@10")
KNOWN = "H-AP, ASI, NDCG, NDCG@K, mAP, mAP@R, AP#, R@K, R@1%, cost@K, SDM@K, error"


class Ranked(NamedTuple):
    """What a metric is computed from.

    Attributes:
        levels: Ranked levels of some queries, int8 ``[q, N]``.
        highest: L, the highest level.
        relevant: Ranked relevance at every scale, nearest first, bool ``[q, N]``.
        distance_m: The distances in metres of the first K results, float64 ``[q, K]``, by K.
    """

    levels: Tensor
    highest: int
    relevant: dict[str, Tensor]
    distance_m: Callable[[int], Tensor]


Metric = Callable[[Ranked, str], Columns]  # the columns of the metric with this name


def default_metrics(has_positions: bool) -> tuple[str, ...]:
    """Return the metrics that are computed unless others are asked for."""
    return (*LEVEL_METRICS, "error") if has_positions else LEVEL_METRICS


class Scoring:
    """The definitions of ``docs/metrics.md``.

    Args:
        levels: Levels between places.
        metrics: Names of the metrics, see ``metric_of``.
        place_latlon: Position of every place, (lat, lon) in degrees ``[C, 2]``; None if unknown.

    Attributes:
        levels: The levels that a ranking is judged by.

    Raises:
        ConfigError: If a metric is unknown or needs positions.
    """

    def __init__(
        self,
        levels: PlaceLevels,
        metrics: Sequence[str],
        place_latlon: NDArray[Any] | None = None,
    ) -> None:
        self.levels = levels
        self.metrics = {name: metric_of(name) for name in metrics}
        if place_latlon is None:
            for name, metric in self.metrics.items():
                if metric in (_error, _sdm):
                    raise ConfigError(
                        f"metric {name!r} needs the positions of the places, which this data lacks"
                    )
        self.place_latlon = np.empty((0, 2)) if place_latlon is None else place_latlon

    def per_query(self, chunk: RankedChunk) -> Columns:
        """Return the values ``{name: [q]}`` of some queries, NaN where they are undefined.

        Beside the metrics: ``relevant/<scale>``, the number of relevant items.
        """
        return self.columns(chunk, chunk.levels)

    def columns(self, chunk: RankedChunk, levels: Tensor) -> Columns:
        """Return the values of some queries when their ranked levels are ``levels``."""

        def distance_m(depth: int) -> Tensor:
            found = chunk.gallery_place[chunk.order[:, :depth]].cpu()
            asked = chunk.query_place.cpu()[:, None].expand_as(found)
            pairs = (self.place_latlon[side.reshape(-1).numpy()] for side in (asked, found))
            return torch.from_numpy(geodesic_distance_of_pairs(*pairs)).reshape(found.shape)

        highest = self.levels.highest
        scales = zip(scale_names(highest), range(highest, 0, -1), strict=True)
        relevant = {scale: levels >= level for scale, level in scales}
        ranked = Ranked(levels, highest, relevant, distance_m)
        columns = {
            name: values
            for asked_for, metric in self.metrics.items()
            for name, values in metric(ranked, asked_for).items()
        }
        counts = {f"relevant/{scale}": mask.sum(dim=1).double() for scale, mask in relevant.items()}
        return columns | counts


def metric_of(name: str) -> Metric:
    """Return the metric of a name.

    Args:
        name: ``H-AP``, ``ASI``, ``NDCG``, ``NDCG@K``, ``error``, ``SDM@K``, ``cost@K``, or at every
            scale ``mAP``, ``mAP@R``, ``AP#``, ``R@K`` and ``R@1%``; K is a number.

    Raises:
        ConfigError: If there is no such metric.
    """
    for pattern, metric in METRICS.items():
        if re.fullmatch(pattern, name):
            return metric
    raise ConfigError(f"metric {name!r} is unknown; choose among {KNOWN} (K: a number from 1)")


def summarise(columns: Mapping[str, Tensor], statistics: Any) -> dict[str, Any]:
    """Return the metrics of a task from the values of its queries.

    Args:
        columns: ``{name: [Q]}`` from ``Scoring.per_query``.
        statistics: Of what: ``Sample`` or ``Bootstrap``.

    Returns:
        Means in percent, their mean over the scales as ``<metric>/overall``, and the localization
        error.
    """
    summary: dict[str, Any] = {}
    families: dict[str, list[Any]] = {}
    for name, values in columns.items():
        family, _, scale = name.partition("/")
        if family == "relevant":
            continue
        if name == "error_m":
            errors = localization_statistics(values, statistics)
            summary |= {f"error/{kind}": value for kind, value in errors.items()}
            continue
        summary[name] = 100 * statistics.mean(values)
        if scale:
            families.setdefault(family, []).append(summary[name])
    overall = {f"{name}/overall": sum(each) / len(each) for name, each in families.items()}
    return summary | overall


def query_counts(columns: Mapping[str, Tensor]) -> dict[str, int]:
    """Return the number of queries, and of those without a relevant item at each scale."""
    relevant = {
        name.partition("/")[2]: values
        for name, values in columns.items()
        if name.startswith("relevant/")
    }
    counts = {"queries": len(next(iter(relevant.values())))}
    for scale, number in relevant.items():
        counts[f"queries_without_relevant/{scale}"] = int((number == 0).sum())
    return counts


def scale_names(num_levels: int) -> tuple[str, ...]:
    """Return the names of the scales from the highest level down.

    Three levels have the names of the DyCL paper; any other number is named by its least level.
    """
    if num_levels == 3:
        return ("small", "middle", "large")
    return tuple(f"level{level}" for level in range(num_levels, 0, -1))


def _per_scale(of_relevant: Callable[[Tensor, str], Tensor]) -> Metric:
    def metric(ranked: Ranked, name: str) -> Columns:
        return {
            f"{name}/{scale}": of_relevant(mask, name) for scale, mask in ranked.relevant.items()
        }

    return metric


def _depth(name: str) -> int:
    return int(name.partition("@")[2])


def _hap(ranked: Ranked, name: str) -> Columns:
    return {name: functional.hierarchical_average_precision(ranked.levels, ranked.highest)}


def _asi(ranked: Ranked, name: str) -> Columns:
    return {name: functional.average_set_intersection(ranked.levels)}


def _ndcg(ranked: Ranked, name: str) -> Columns:
    return {name: functional.ndcg(ranked.levels, _depth(name) if "@" in name else None)}


def _hard_ap(ranked: Ranked, name: str) -> Columns:
    levels = range(ranked.highest, 0, -1)
    return {
        f"{name}/{scale}": functional.hard_average_precision(ranked.levels, level)
        for scale, level in zip(scale_names(ranked.highest), levels, strict=True)
    }


def _recall(relevant: Tensor, name: str) -> Tensor:
    return functional.recall_at_k(relevant, _depth(name))


def _recall_at_one_percent(relevant: Tensor, name: str) -> Tensor:
    return functional.recall_at_k(relevant, functional.one_percent_depth(relevant.shape[1]))


def _cost(ranked: Ranked, name: str) -> Columns:
    return {name: functional.mean_cost_at_k(ranked.levels, _depth(name), ranked.highest)}


def _error(ranked: Ranked, name: str) -> Columns:
    return {"error_m": ranked.distance_m(1).squeeze(1)}


def _sdm(ranked: Ranked, name: str) -> Columns:
    return {name: spatial_distance_metric(ranked.distance_m(_depth(name)))}


METRICS: dict[str, Metric] = {
    "H-AP": _hap,
    "ASI": _asi,
    "NDCG(@[1-9][0-9]*)?": _ndcg,
    "mAP": _per_scale(lambda relevant, name: functional.average_precision(relevant)),
    "mAP@R": _per_scale(lambda relevant, name: functional.average_precision_at_r(relevant)),
    "AP#": _hard_ap,
    "R@[1-9][0-9]*": _per_scale(_recall),
    "R@1%": _per_scale(_recall_at_one_percent),
    "cost@[1-9][0-9]*": _cost,
    "SDM@[1-9][0-9]*": _sdm,
    "error": _error,
}
