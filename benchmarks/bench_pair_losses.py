"""Time the pair losses: HAP against a direct transcription, others against a matrix product.

The transcription of H-AP compares every item with every other one in an array ``[B, B, B]``. The
product ``query @ gallery.T`` and its gradient are the least that any pair loss costs. Everything
runs forward and backward in both directions, interleaved in one process, without the look-up of
the levels. The triplet loss runs with one positive per anchor, with a tenth of the batch and with
half of it, and also in one direction. Last comes what one of four processes has to do of a batch of
4096 when they share the anchors. The memory is the most that the tensors of one pass hold at a
time, as recorded by the profiler. Run it on an otherwise idle machine:

    python benchmarks/bench_pair_losses.py --threads 1
"""

import argparse
import functools
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from geoloc.models.losses import (
    DyCLLoss,
    HAPLoss,
    InfoNCELoss,
    MultiSimilarityLoss,
    PairLoss,
    TripletLoss,
)

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


def peak_megabytes(loss: Loss, batch: Batch) -> float:
    """Return the most memory that the tensors of one forward and backward pass hold."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        step(loss, batch)
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        record.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text())["traceEvents"]
    changes = [event["args"] for event in events if event["name"] == "[memory]"]
    start = changes[0]["Total Allocated"] - changes[0]["Bytes"]
    return (max(change["Total Allocated"] for change in changes) - start) / 2**20


def report(size: int, cases: dict[str, Loss], repeats: int) -> None:
    """Print a line per case, with ratios to the first one."""
    batch = random_batch(size)
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for repeat in range(-2, repeats):
        for name, loss in cases.items():
            elapsed = step(loss, batch)
            if repeat >= 0:  # the first rounds warm up
                seconds[name].append(elapsed)
    times = {name: torch.tensor(values) for name, values in seconds.items()}
    base = next(iter(times.values()))
    threads = torch.get_num_threads()
    print(f"B={size} D={DIMS}, both directions, forward + backward, {threads} thread(s)")
    print(f"{'case':32}{'median ms':>12}{'min ms':>10}{'ratio':>8}{'of min':>8}{'peak MB':>10}")
    for name, values in times.items():
        median, least = 1e3 * values.median(), 1e3 * values.min()
        ratios = f"{values.median() / base.median():8.1f}{values.min() / base.min():8.1f}"
        peak = peak_megabytes(cases[name], batch)
        print(f"{name:32}{median:12.2f}{least:10.2f}{ratios}{peak:10.1f}")


def triplet_with_positives(share: float, one_direction: bool = False) -> Loss:
    """Return the loss with levels of its own: the given share of the batch are positives."""
    loss = TripletLoss()
    directions = loss if one_direction else loss.both_directions

    def apply(query: Tensor, gallery: Tensor, levels: Tensor) -> Tensor:
        return directions(query, gallery, positives(len(levels), share))

    return apply


def first_quarter(loss: PairLoss) -> Loss:
    """Return the loss of a quarter of the anchors against the whole batch."""

    def apply(query: Tensor, gallery: Tensor, levels: Tensor) -> Tensor:
        anchors = slice(0, len(query) // 4)
        return loss.of_anchors(query, gallery, levels[anchors], anchors)

    return apply


@functools.cache
def positives(size: int, share: float) -> Tensor:
    chosen = torch.rand(size, size, generator=torch.Generator().manual_seed(1)) < share
    return 3 * chosen.to(torch.int8).fill_diagonal_(1)


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
    }
    for name, share in (("1 positive", 0), ("10 % positives", 0.1), ("50 % positives", 0.5)):
        cases[f"Triplet, {name}"] = triplet_with_positives(share)
        cases[f"Triplet, {name}, one way"] = triplet_with_positives(share, one_direction=True)
    report(1024, cases, arguments.repeats)
    shared = {"DyCLLoss": DyCLLoss(), "InfoNCELoss": InfoNCELoss()}
    report(
        4096,
        {
            name + of: part
            for name, loss in shared.items()
            for of, part in (
                (", whole", loss.both_directions),
                (", a quarter", first_quarter(loss)),
            )
        },
        min(arguments.repeats, 5),
    )


if __name__ == "__main__":
    main()
