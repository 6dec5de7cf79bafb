"""Time the pair losses: HAP against a direct transcription, others against a matrix product.

The transcription of H-AP compares every item with every other one in an array ``[B, B, B]``. The
product ``query @ gallery.T`` and its gradient are the least that any pair loss costs. Everything
runs forward and backward in both directions, interleaved in one process, without the look-up of
the levels. Run it on an otherwise idle machine:

    python benchmarks/bench_pair_losses.py --threads 1
"""

import argparse
import resource
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from geoloc.models.losses import DyCLLoss, HAPLoss, MultiSimilarityLoss, TripletLoss

DIMS = 512
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
Batch = tuple[Tensor, Tensor, Tensor]


def random_batch(size: int) -> Batch:
    """Descriptors of two views and the levels of places scattered over a square of 6 km."""
    generator = torch.Generator().manual_seed(0)
    query, gallery = (
        F.normalize(torch.randn(size, DIMS, generator=generator)).requires_grad_() for _ in range(2)
    )
    position = 6000 * torch.rand(size, 2, generator=generator)
    distance = torch.cdist(position, position)
    levels = torch.stack([distance <= limit for limit in (3, 200, 500)]).sum(dim=0)
    return query, gallery, levels.to(torch.int8)


def transcribed_hap(similarity: Tensor, levels: Tensor) -> Tensor:
    """1 - H-AP with the default steps of HAPLoss, entry ``[q, i, j]`` per comparison."""
    count = (levels[:, :, None] == levels[:, None]).sum(dim=2)
    relevance = levels / count
    x = similarity[:, None] - similarity[:, :, None]
    sharp = (x.detach() >= 0).float()
    sigmoid = (x / 0.01).sigmoid()
    middle = torch.where(x > 0.05, 100 * (x - 0.05) + 1.44, sigmoid + 0.5)
    smooth = torch.where(x > 0, middle, sigmoid)
    other = ~torch.eye(len(levels), dtype=torch.bool)
    above = torch.where(levels[:, None] < levels[:, :, None], smooth, sharp) * other
    common = torch.minimum(relevance[:, None], relevance[:, :, None])
    hrank = relevance + (sharp * common * other).sum(dim=2)
    return (1 - (hrank / (1 + above.sum(dim=2))).sum(dim=1) / relevance.sum(dim=1)).mean()


def transcribed_hap_loss(query: Tensor, gallery: Tensor, levels: Tensor) -> Tensor:
    similarity = F.normalize(query) @ F.normalize(gallery).T
    return (transcribed_hap(similarity, levels) + transcribed_hap(similarity.T, levels.T)) / 2


def product(query: Tensor, gallery: Tensor, levels: Tensor) -> Tensor:
    """The similarities with the cheapest scalar that has a dense gradient."""
    return (query @ gallery.T).mean()


def step(loss: Loss, batch: Batch) -> float:
    """Return the seconds of one forward and backward pass."""
    query, gallery, levels = batch
    query.grad = gallery.grad = None
    start = time.perf_counter()
    loss(query, gallery, levels).backward()
    return time.perf_counter() - start


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(size: int, cases: dict[str, Loss], repeats: int) -> None:
    """Print a line per case, with ratios to the first one."""
    batch = random_batch(size)
    step(product, batch)  # the first call of all starts torch's engine
    growth: dict[str, float] = {}
    for name, loss in cases.items():  # ascending in memory: the peak of a process only grows
        before = peak_megabytes()
        step(loss, batch)
        growth[name] = peak_megabytes() - before
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for repeat in range(-2, repeats):
        for name, loss in cases.items():
            elapsed = step(loss, batch)
            if repeat >= 0:  # the first rounds warm up
                seconds[name].append(elapsed)
    medians = {name: float(torch.tensor(times).median()) for name, times in seconds.items()}
    base = next(iter(medians.values()))
    threads = torch.get_num_threads()
    print(f"B={size} D={DIMS}, both directions, forward + backward, {threads} thread(s)")
    print(f"{'case':28}{'median ms':>12}{'ratio':>8}{'added MB':>10}")
    for name, median in medians.items():
        print(f"{name:28}{1e3 * median:12.2f}{median / base:8.1f}{growth[name]:10.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    report(
        128,
        {"geoloc HAPLoss": HAPLoss().both_directions, "transcription": transcribed_hap_loss},
        arguments.repeats,
    )
    cases = {
        "similarity product": product,
        "DyCLLoss": DyCLLoss().both_directions,
        "MultiSimilarityLoss": MultiSimilarityLoss().both_directions,
        "TripletLoss": TripletLoss().both_directions,
    }
    report(1024, cases, arguments.repeats)


if __name__ == "__main__":
    main()
