"""Time the DyCL loss, label look-up included, against a plain transcription of Eq. 4.

The baseline looks every level up in a Python double loop, as the official code does, and writes
the three terms as masked arrays. Both run interleaved in one process, forward and backward in both
directions. Run it on an otherwise idle machine:

    python benchmarks/bench_dycl_loss.py --threads 1
"""

import argparse
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from geoloc.models.losses import DyCLLoss

BATCH, DIMS, PLACES = 128, 512, 450
SCALE, MARGINS = 32.0, {3: 0.45, 2: 0.35, 1: 0.25}


def level_table(generator: torch.Generator) -> Tensor:
    """Levels between places scattered over a square of 6 km, int8 ``[C, C]``."""
    position = 6000 * torch.rand(PLACES, 2, generator=generator)
    distance = torch.cdist(position, position)
    return sum((distance <= limit).to(torch.int8) for limit in (3, 200, 500))


class Batch(NamedTuple):
    """Random descriptors of one batch, its places and the level table."""

    query: Tensor
    gallery: Tensor
    places: Tensor
    table: Tensor


def random_batch(seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    views = (
        F.normalize(torch.randn(BATCH, DIMS, generator=generator)).requires_grad_()
        for _ in range(2)
    )
    places = torch.randperm(PLACES, generator=generator)[:BATCH]
    return Batch(*views, places, level_table(generator))


def looped_levels(table: Tensor, places: Tensor) -> Tensor:
    levels = torch.zeros(len(places), len(places), dtype=torch.int8)
    for i, place in enumerate(places):
        for j, other in enumerate(places):
            levels[i, j] = table[place, other]
    return levels


def indexed_levels(table: Tensor, places: Tensor) -> Tensor:
    return table[places[:, None], places]


def one_direction(query: Tensor, gallery: Tensor, levels: Tensor) -> Tensor:
    similarity = SCALE * F.normalize(query, dim=1) @ F.normalize(gallery, dim=1).T
    total = torch.zeros(len(query))
    for level, margin in MARGINS.items():
        negative = torch.where(levels == 0, similarity, -torch.inf).logsumexp(1)
        positive = torch.where(levels >= level, -similarity, -torch.inf).logsumexp(1)
        total = total + F.softplus(negative + positive + SCALE * margin)
    return total.mean()


def transcribed_loss(query: Tensor, gallery: Tensor, levels: Tensor) -> Tensor:
    return (one_direction(query, gallery, levels) + one_direction(gallery, query, levels.T)) / 2


def step(loss: Callable[..., Tensor], lookup: Callable[..., Tensor], batch: Batch) -> float:
    """Return the seconds of one forward and backward pass in both directions."""
    query, gallery = batch.query, batch.gallery
    query.grad = gallery.grad = None
    start = time.perf_counter()
    levels = lookup(batch.table, batch.places)
    loss(query, gallery, levels).backward()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=30)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    own = DyCLLoss(SCALE, tuple(MARGINS.values()))
    cases = {
        "loop look-up + transcription": (transcribed_loss, looped_levels),
        "indexed look-up + transcription": (transcribed_loss, indexed_levels),
        "geoloc DyCLLoss": (own.both_directions, indexed_levels),
    }
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    batch = random_batch(seed=0)
    for repeat in range(-3, arguments.repeats):
        for name, (loss, lookup) in cases.items():
            elapsed = step(loss, lookup, batch)
            if repeat >= 0:  # the first rounds warm up
                seconds[name].append(elapsed)
    fastest = torch.tensor(seconds["geoloc DyCLLoss"]).median()
    print(f"B={BATCH} D={DIMS}, both directions, forward + backward, {arguments.threads} thread(s)")
    print(f"{'case':34}{'median ms':>12}{'min ms':>10}{'ratio':>8}")
    for name, values in seconds.items():
        times = torch.tensor(values)
        median = times.median()
        print(f"{name:34}{1e3 * median:12.2f}{1e3 * times.min():10.2f}{median / fastest:8.1f}")


if __name__ == "__main__":
    main()
