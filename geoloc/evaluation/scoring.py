"""How the ranked levels of the queries become the metrics of a task."""

from torch import Tensor

from geoloc.datasets.place_levels import PlaceLevels
from geoloc.evaluation import functional

RECALL_DEPTHS = (1, 5, 10)


class Scoring:
    """The definitions of ``docs/metrics.md``, averaged over the queries that have a value.

    Args:
        levels: Levels between places.

    Attributes:
        levels: The levels that a ranking is judged by.
    """

    def __init__(self, levels: PlaceLevels) -> None:
        self.levels = levels

    def per_query(
        self, ranked: Tensor, query_place: Tensor, gallery_place: Tensor
    ) -> dict[str, Tensor]:
        """Return the metrics ``{name: [q]}`` of some queries, NaN where they are undefined.

        Args:
            ranked: Levels of the gallery, best first ``[q, N]``.
            query_place: Place labels of the queries ``[q]``.
            gallery_place: Place labels of the gallery in its own order ``[N]``.
        """
        hap = functional.hierarchical_average_precision(ranked, self.levels.highest)
        return hierarchical_metrics(ranked, self.levels.highest, hap)

    def mean(self, values: Tensor) -> float:
        """Return the mean over the queries ``[Q]`` that have a value."""
        return float(values.nanmean())


def hierarchical_metrics(ranked: Tensor, num_levels: int, hap: Tensor) -> dict[str, Tensor]:
    """Return the metrics of every query by name; H-AP ``[q]`` is given."""
    values = {
        "H-AP": hap,
        "ASI": functional.average_set_intersection(ranked),
        "NDCG": functional.ndcg(ranked),
    }
    for level, scale in zip(range(num_levels, 0, -1), scale_names(num_levels), strict=True):
        relevant = ranked >= level
        values[f"mAP/{scale}"] = functional.average_precision(relevant)
        for depth in RECALL_DEPTHS:
            values[f"R@{depth}/{scale}"] = functional.recall_at_k(relevant, depth)
    return values


def summarise(scoring: Scoring, columns: dict[str, Tensor]) -> dict[str, float]:
    """Return the means in percent, over the scales too, and the numbers of queries.

    Args:
        scoring: What the columns come from.
        columns: ``{metric: [Q]}``.
    """
    summary = {name: 100 * scoring.mean(values) for name, values in columns.items()}
    scales = scale_names(scoring.levels.highest)
    for metric in ("mAP", *(f"R@{depth}" for depth in RECALL_DEPTHS)):
        summary[f"{metric}/overall"] = sum(summary[f"{metric}/{scale}"] for scale in scales) / len(
            scales
        )
    summary["queries"] = len(columns["H-AP"])
    for scale in scales:
        without = columns[f"mAP/{scale}"].isnan().sum()
        summary[f"queries_without_relevant/{scale}"] = int(without)
    return summary


def scale_names(num_levels: int) -> tuple[str, ...]:
    """Return the names of the scales from the highest level down.

    Three levels have the names of the DyCL paper; any other number is named by its least level.
    """
    if num_levels == 3:
        return ("small", "middle", "large")
    return tuple(f"level{level}" for level in range(num_levels, 0, -1))
