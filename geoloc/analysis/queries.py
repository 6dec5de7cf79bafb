"""Every query of a task: its values, its first results, and how far away they are."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoloc.datasets.index import Index
from geoloc.datasets.place_levels import place_levels
from geoloc.evaluation.ranking import rank, ranked_levels
from geoloc.evaluation.task import identical_items, task_rows
from geoloc.geo import geodesic_distance_of_pairs


class Found(NamedTuple):
    """A result.

    Attributes:
        row: Its row of the index.
        level: Its relevance level to the query; the highest is the place itself.
        distance_m: How far its place is from the query's, in metres; None without positions.
    """

    row: int
    level: int
    distance_m: float | None


class Query(NamedTuple):
    """A query.

    Attributes:
        row: Its row of the index.
        values: Its metrics by name, as fractions or metres.
        rank: Rank of the first image of its place, from 1; 0 if there is none.
        first: Its first results, best first.
    """

    row: int
    values: dict[str, float]
    rank: int
    first: list[Found]


def describe_queries(
    descriptors: Tensor,
    index: Index,
    thresholds_m: Sequence[float],
    task: str,
    values: Mapping[str, NDArray[np.float64]],
    depth: int = 5,
) -> list[Query]:
    """Rank a task and tell what every query finds.

    Args:
        descriptors: L2-normalised, float32 ``[n, D]``; row i describes row i of ``index``.
        index: The test images.
        thresholds_m: Bounds (m) of the levels, ascending; empty where labels give them.
        task: ``query->gallery``, see ``task_rows``.
        values: Metrics of every query in the order of the task's queries, ``{name: [Q]}``.
        depth: Number of results to tell.

    Returns:
        One per query, in the order of the index.
    """
    rows = task_rows(task, index)
    levels = place_levels(index, thresholds_m)
    query_place, gallery_place = (torch.from_numpy(index.place_labels[side]) for side in rows)
    exclude = identical_items(rows, index)
    ranking = rank(descriptors[rows.query], descriptors[rows.gallery], exclude=exclude)
    queries = []
    for chunk in ranked_levels(ranking, levels, query_place, gallery_place, exclude):
        own = chunk.levels == levels.highest
        ranks = torch.where(own.any(dim=1), own.byte().argmax(dim=1) + 1, 0).tolist()
        first = rows.gallery[chunk.order[:, :depth].numpy()]
        asked = rows.query[chunk.queries]
        distances_m = _distances_m(index, np.broadcast_to(asked[:, None], first.shape), first)
        for place, row in enumerate(asked.tolist()):
            found = zip(
                first[place].tolist(),
                chunk.levels[place, :depth].tolist(),
                distances_m[place],
                strict=True,
            )
            own_values = {
                name: float(column[chunk.queries][place]) for name, column in values.items()
            }
            queries.append(Query(row, own_values, ranks[place], [Found(*item) for item in found]))
    return queries


def _distances_m(
    index: Index, a: NDArray[np.int64], b: NDArray[np.int64]
) -> list[list[float | None]]:
    if not index.has_positions:
        return [[None] * a.shape[1] for _ in range(len(a))]
    latlon = np.stack([index.lat, index.lon], axis=1)
    flat = geodesic_distance_of_pairs(latlon[a.ravel()], latlon[b.ravel()])
    return [[float(distance) for distance in row] for row in flat.reshape(a.shape)]


def write_queries(queries: Sequence[Query], index: Index, path: Path) -> None:
    """Write a CSV file with a line per query.

    Args:
        queries: From ``describe_queries``, all of one depth.
        index: The test images.
        path: The file.
    """
    names = list(queries[0].values) if queries else []
    depth = len(queries[0].first) if queries else 0
    results = [(f"result_{k}", f"level_{k}", f"distance_m_{k}") for k in range(1, depth + 1)]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("query", "place", "lat", "lon", "rank", *names, *sum(results, ())))
        for query in queries:
            found = [
                (index.path[item.row], item.level, _metres(item.distance_m)) for item in query.first
            ]
            where = (index.path[query.row], index.place[query.row])
            position = (index.lat[query.row], index.lon[query.row])
            values = (query.values[name] for name in names)
            writer.writerow((*where, *position, query.rank, *values, *sum(found, ())))


def _metres(distance_m: float | None) -> str:
    return "" if distance_m is None else f"{distance_m:.1f}"
