"""Time ranking, level look-up and all metrics at the size of DA-Campus, against direct formulas.

300 places with one satellite and 60 drone images each, 512 random features per image, so that the
queries of one direction are 300 and of the other 18,000. The direct version writes the definitions
down as dense arrays, in batches of 128 queries as the published code does. That code also looks
every level up by itself in a Python loop; such a loop over the entries of a tensor is timed on a
few queries and extrapolated. The versions alternate, and their values are compared. Run it on an
otherwise idle machine:

    python benchmarks/bench_metrics.py --threads 1
"""

import argparse
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from geoloc.datasets.place_levels import DistanceLevels
from geoloc.evaluation.bootstrap import Bootstrap, Sample
from geoloc.evaluation.ranking import rank, ranked_levels
from geoloc.evaluation.scoring import LEVEL_METRICS, Scoring, summarise

PLACES, DRONE_IMAGES, DIMS = 300, 60, 512
SQUARE_M = 5200  # gives 97 % of the pairs level 0, as in DA-Campus
BATCH, LOOP_PAIRS = 128, 100_000
METRICS = [name for name in LEVEL_METRICS if name not in ("R@5", "R@10")]

Direction = tuple[Tensor, Tensor, Tensor, Tensor]  # queries, gallery, and their places
Columns = dict[str, Tensor]


def level_table(generator: torch.Generator) -> Tensor:
    position = SQUARE_M * torch.rand(PLACES, 2, generator=generator)
    distance = torch.cdist(position, position)
    return sum((distance <= limit).to(torch.int8) for limit in (3, 200, 500))


def ours(direction: Direction, table: Tensor) -> Columns:
    query, gallery, *places = direction
    scoring = Scoring(DistanceLevels(table, 3), METRICS)
    chunks = ranked_levels(rank(query, gallery), scoring.levels, *places)
    return concatenated([scoring.per_query(chunk) for chunk in chunks])


def direct(direction: Direction, table: Tensor) -> Columns:
    query, gallery, query_place, gallery_place = direction
    parts = []
    for start in range(0, len(query), BATCH):
        rows = slice(start, start + BATCH)
        order = (query[rows] @ gallery.T).sort(dim=1, descending=True).indices
        levels = table[query_place[rows]][:, gallery_place].gather(1, order)
        parts.append(direct_metrics(levels.float()))
    return concatenated(parts)


def direct_metrics(levels: Tensor) -> Columns:
    rank_of = torch.arange(1, levels.shape[1] + 1)
    ideal = levels.sort(dim=1, descending=True).values
    relevance = torch.zeros_like(levels)
    for level in (1, 2, 3):
        at = levels == level
        relevance += at * level / 3 / at.sum(dim=1, keepdim=True).clamp_min(1)
    shared = torch.zeros_like(levels)
    common = torch.zeros_like(levels)
    for level in (1, 2, 3):
        at = levels == level
        weight = (relevance * at).amax(dim=1, keepdim=True)
        shared += torch.minimum(relevance, weight) * at.cumsum(dim=1)
        common += torch.minimum(at.cumsum(dim=1), (ideal == level).cumsum(dim=1))
    relevant = (levels > 0).sum(dim=1, keepdim=True)
    discount = torch.log2(1 + rank_of)
    values = {
        "H-AP": (shared / rank_of).sum(dim=1) / relevance.sum(dim=1),
        "ASI": (common / rank_of * (rank_of <= relevant)).sum(dim=1) / relevant.squeeze(1),
        "NDCG": ((2**levels - 1) / discount).sum(dim=1) / ((2**ideal - 1) / discount).sum(dim=1),
    }
    for scale, level in (("small", 3), ("middle", 2), ("large", 1)):
        hit = (levels >= level).float()
        precision = hit.cumsum(dim=1) / rank_of
        values[f"mAP/{scale}"] = (precision * hit).sum(dim=1) / hit.sum(dim=1)
        values[f"R@1/{scale}"] = hit[:, 0]
    return values


def concatenated(parts: list[Columns]) -> Columns:
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def level_loop_seconds(direction: Direction, table: Tensor) -> float:
    """Return the seconds of looking all levels up one by one, extrapolated from some queries."""
    _, _, query_place, gallery_place = direction
    some = query_place[: max(1, LOOP_PAIRS // len(gallery_place))].tolist()
    start = time.perf_counter()
    _ = [[table[one, other] for other in gallery_place.tolist()] for one in some]
    return (time.perf_counter() - start) / len(some) * len(query_place)


def intervals(columns: Columns, place: Tensor) -> None:
    summarise(columns, Sample())
    summarise(columns, Bootstrap(place))


def seconds(task: Callable[[], object]) -> float:
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    generator = torch.Generator().manual_seed(0)
    table = level_table(generator)
    satellite_place = torch.arange(PLACES)
    drone_place = satellite_place.repeat_interleave(DRONE_IMAGES)
    satellite, drone = (
        F.normalize(torch.randn(len(place), DIMS, generator=generator))
        for place in (satellite_place, drone_place)
    )
    share = ", ".join(f"{100 * (table == level).double().mean():.1f} %" for level in range(4))
    print(f"{arguments.threads} thread(s), best of {arguments.repeats}; levels 0, 1, 2, 3: {share}")
    for name, direction in {
        "300 x 18,000": (satellite, drone, satellite_place, drone_place),
        "18,000 x 300": (drone, satellite, drone_place, satellite_place),
    }.items():
        found, expected = ours(direction, table), direct(direction, table)
        for metric, values in expected.items():
            torch.testing.assert_close(found[metric].float(), values, rtol=1e-3, atol=1e-4)
        runs = [
            (
                seconds(lambda: ours(direction, table)),  # noqa: B023
                seconds(lambda: direct(direction, table)),  # noqa: B023
                seconds(lambda: intervals(found, direction[2])),  # noqa: B023
            )
            for _ in range(arguments.repeats)
        ]
        own, dense, extra = (min(times) for times in zip(*runs, strict=True))
        loop = level_loop_seconds(direction, table)
        print(
            f"{name}: geoloc {own:.3f} s, direct {dense:.3f} s ({dense / own:.1f}x), with its "
            f"level loop {dense + loop:.1f} s ({(dense + loop) / own:.0f}x); "
            f"intervals {extra:.3f} s more"
        )


if __name__ == "__main__":
    main()
