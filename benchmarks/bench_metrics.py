"""Time ranking, level look-up and all metrics of one direction at the size of DA-Campus.

300 places with one satellite and 60 drone images each, 512 random features per image, so that the
queries of one direction are 300 and of the other 18,000. Nothing is compared: the table states
seconds per stage on this machine. Run it on an otherwise idle machine:

    python benchmarks/bench_metrics.py --threads 1
"""

import argparse
import time

import torch
import torch.nn.functional as F
from torch import Tensor

from geoloc.datasets.place_levels import DistanceLevels
from geoloc.evaluation import functional
from geoloc.evaluation.ranking import rank_levels

PLACES, DRONE_IMAGES, DIMS = 300, 60, 512
SQUARE_M = 5200  # gives 97 % of the pairs level 0, as in DA-Campus

METRICS = {
    "H-AP": functional.hierarchical_average_precision,
    "ASI": functional.average_set_intersection,
    "NDCG": functional.ndcg,
    "AP small": lambda levels: functional.average_precision(levels >= 3),
    "AP middle": lambda levels: functional.average_precision(levels >= 2),
    "AP large": lambda levels: functional.average_precision(levels >= 1),
    "R@1 small": lambda levels: functional.recall_at_k(levels >= 3, 1),
    "R@1 middle": lambda levels: functional.recall_at_k(levels >= 2, 1),
    "R@1 large": lambda levels: functional.recall_at_k(levels >= 1, 1),
}


def level_table(generator: torch.Generator) -> Tensor:
    position = SQUARE_M * torch.rand(PLACES, 2, generator=generator)
    distance = torch.cdist(position, position)
    return sum((distance <= limit).to(torch.int8) for limit in (3, 200, 500))


def evaluate(query: Tensor, gallery: Tensor, table: Tensor, places: tuple[Tensor, Tensor]) -> dict:
    """Return the seconds spent in ranking with look-up and in every metric."""
    seconds = dict.fromkeys(["ranking and levels", *METRICS], 0.0)
    last = time.perf_counter()

    def lap(stage: str) -> None:
        nonlocal last
        now = time.perf_counter()
        seconds[stage] += now - last
        last = now

    for chunk in rank_levels(query, gallery, DistanceLevels(table, 3), *places):
        lap("ranking and levels")
        for name, metric in METRICS.items():
            metric(chunk.levels)
            lap(name)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=3)
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
    directions = {
        "300 x 18,000": (satellite, drone, table, (satellite_place, drone_place)),
        "18,000 x 300": (drone, satellite, table, (drone_place, satellite_place)),
    }
    best = {
        name: min(
            (evaluate(*data) for _ in range(arguments.repeats)), key=lambda s: sum(s.values())
        )
        for name, data in directions.items()
    }
    print(f"{'seconds':22}" + "".join(f"{name:>14}" for name in best))
    for stage in ["ranking and levels", *METRICS]:
        print(f"{stage:22}" + "".join(f"{seconds[stage]:14.3f}" for seconds in best.values()))
    print(f"{'total':22}" + "".join(f"{sum(s.values()):14.3f}" for s in best.values()))


if __name__ == "__main__":
    main()
