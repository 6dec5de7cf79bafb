"""Time re-ranking, and its peak memory, against the published algorithm written down directly.

The direct version keeps dense arrays of all pairs, sorts whole rows, and loops over images in
Python, as the published code does. Features: N / 60 clusters; by default 64-d, and a tenth of the
images are queries. k1 = 20 for k-reciprocal and 20, 62, 292 for multi-scale re-ranking (segment),
k2 = 6. Every run is a process of its own, forked before any work and warmed up on a few images; the
versions alternate. Memory is what the run adds to the process at its peak. Run it on an otherwise
idle machine (Linux):

    python benchmarks/bench_rerank.py --threads 1
    python benchmarks/bench_rerank.py --images 18300 --multi-scale 18300 --without-direct
    python benchmarks/bench_rerank.py --images 0 --multi-scale 18300 --queries 18000 --dims 512 \
        --without-direct
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from geoloc.evaluation.rerank import DA_CAMPUS_K1, k_reciprocal_rerank, multi_scale_rerank

K2, LAM = 6, 0.3
Rerank = Callable[[Tensor, Tensor], Tensor]


def random_features(images: int, queries: int, dims: int) -> tuple[Tensor, Tensor]:
    """Return features of queries and gallery."""
    generator = torch.Generator().manual_seed(0)
    centres = F.normalize(torch.randn(max(1, images // 60), dims, generator=generator))
    own = centres[torch.randint(len(centres), (images,), generator=generator)]
    noise = torch.randn(images, dims, generator=generator) / dims**0.5
    features = F.normalize(own + 0.6 * noise)
    return features[:queries], features[queries:]


def original_distance(union: Tensor) -> np.ndarray:
    distance = (1 - union @ union.T).numpy() ** 2
    return (distance / distance.max(axis=0)).T


def reciprocal(rank: np.ndarray, i: int, k: int) -> np.ndarray:
    forward = rank[i, : k + 1]
    return forward[(rank[forward, : k + 1] == i).any(axis=1)]


def direct_distance(distance: np.ndarray, rank: np.ndarray, queries: int, k1: int) -> np.ndarray:
    """Return the re-ranking distances of the queries to all images."""
    n = len(distance)
    encoding = np.zeros((n, n), np.float32)
    for i in range(n):
        near = reciprocal(rank, i, k1)
        members = near
        for j in near:
            half = reciprocal(rank, j, round(k1 / 2))
            if 3 * len(np.intersect1d(half, near)) > 2 * len(half):
                members = np.append(members, half)
        members = np.unique(members)
        weight = np.exp(-distance[i, members])
        encoding[i, members] = weight / weight.sum()
    encoding = np.stack([encoding[rank[i, :K2]].mean(axis=0) for i in range(n)])
    holders = [np.flatnonzero(encoding[:, c]) for c in range(n)]
    result = np.empty((queries, n), np.float32)
    for i in range(queries):
        common = np.zeros(n, np.float32)
        for c in np.flatnonzero(encoding[i]):
            common[holders[c]] += np.minimum(encoding[i, c], encoding[holders[c], c])
        result[i] = (1 - LAM) * (1 - common / (2 - common)) + LAM * distance[i]
    return result


def direct_k_reciprocal(query: Tensor, gallery: Tensor) -> Tensor:
    distance = original_distance(torch.cat([query, gallery]))
    rank = distance.argsort(axis=1)
    return torch.from_numpy(direct_distance(distance, rank, len(query), 20)[:, len(query) :])


def direct_multi_scale(query: Tensor, gallery: Tensor) -> Tensor:
    distance = original_distance(torch.cat([query, gallery]))
    rank = distance.argsort(axis=1)
    result, frozen = None, np.zeros((len(query), len(distance)), bool)
    for scale, k1 in enumerate(DA_CAMPUS_K1):
        at_scale = direct_distance(distance, rank, len(query), k1)
        result = at_scale if result is None else np.where(frozen, result, at_scale + scale)
        np.put_along_axis(frozen, result.argsort(axis=1)[:, : k1 + 1], True, axis=1)
    return torch.from_numpy(result[:, len(query) :])


def geoloc_multi_scale(query: Tensor, gallery: Tensor) -> Tensor:
    return multi_scale_rerank(query, gallery, DA_CAMPUS_K1, K2, LAM)


def memory_mb(field: str) -> float:
    """Return ``VmRSS``, the memory of this process, or ``VmHWM``, its peak."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith(field))
    return int(line.split()[1]) / 1024


def run(
    case: Rerank, images: int, queries: int, dims: int, threads: int, answer: Connection
) -> None:
    torch.set_num_threads(threads)
    for warm_up in (k_reciprocal_rerank, geoloc_multi_scale):
        warm_up(*random_features(400, 40, dims))
    query, gallery = random_features(images, queries, dims)
    before = memory_mb("VmRSS")
    start, cpu_start = time.perf_counter(), time.process_time()
    case(query, gallery)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    answer.send((seconds, cpu_seconds, memory_mb("VmHWM") - before))


def measure(
    case: Rerank, images: int, queries: int, dims: int, threads: int
) -> tuple[float, float, float]:
    """Return seconds, CPU seconds of all threads, and MB of one run in a process of its own."""
    fork = multiprocessing.get_context("fork")
    answer, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=run, args=(case, images, queries, dims, threads, sender))
    process.start()
    sender.close()
    outcome = answer.recv()
    process.join()
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--images", type=int, default=3000, help="for k-reciprocal re-ranking")
    parser.add_argument("--multi-scale", type=int, default=400, help="images; 0 leaves it out")
    parser.add_argument("--queries", type=int, help="of the images (default: a tenth)")
    parser.add_argument("--dims", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--without-direct", action="store_true")
    arguments = parser.parse_args()
    cases = {
        "k-reciprocal": (arguments.images, k_reciprocal_rerank, direct_k_reciprocal),
        "multi-scale": (arguments.multi_scale, geoloc_multi_scale, direct_multi_scale),
    }
    print(f"{arguments.threads} thread(s), best of {arguments.repeats}")
    print(f"{'case':14}{'images':>8}{'version':>9}{'seconds':>10}{'ratio':>8}", end="")
    print(f"{'CPU s':>10}{'peak MB':>10}")
    for name, (images, *versions) in cases.items():
        used = versions[: 1 if arguments.without_direct else 2] if images else []
        queries = images // 10 if arguments.queries is None else arguments.queries
        size = images, queries, arguments.dims, arguments.threads
        runs = [[measure(version, *size) for version in used] for _ in range(arguments.repeats)]
        for column, version in enumerate(["geoloc", "direct"][: len(used)]):
            seconds, cpu_seconds, megabytes = (
                min(row[column][fact] for row in runs) for fact in range(3)
            )
            ratio = seconds / min(row[0][0] for row in runs)
            print(f"{name:14}{images:8d}{version:>9}{seconds:10.2f}{ratio:8.1f}", end="")
            print(f"{cpu_seconds:10.2f}{megabytes:10.0f}", flush=True)


if __name__ == "__main__":
    main()
