"""Time search in large galleries: exact search, and a compressed index of faiss.

Descriptors are 512-d unit vectors in clusters of about a hundred, with a spectrum that falls as
that of trained ones does; a query is an item of the gallery with noise. Blocks are drawn one by one
and can be drawn again, so that ten million never lie in memory. Run it on an otherwise idle machine
(Linux).

exact: geoloc against torch's float32 product with topk, chunk by chunk, and against faiss's
IndexFlatIP. Every run is a process of its own; the versions alternate. Memory is what a run adds to
the process at its peak. "same" is the share of queries for which all k indices agree with geoloc's:

    python benchmarks/bench_search.py exact
    python benchmarks/bench_search.py exact --queries 100000 --gallery 1000000 --only geoloc

compressed: build time, size, latency, and recall against exact search over the blocks drawn again:

    python benchmarks/bench_search.py compressed
"""

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import faiss
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from geoloc.evaluation.search import FaissIndex, exact_search, search_blocks, search_recall

ITEMS_PER_CLUSTER = 100
ITEMS_PER_BLOCK = 100_000
QUERIES_PER_LINE = 10_000
Search = Callable[[Tensor, Tensor, int], np.ndarray]


class Clusters:
    """A gallery of any size that is drawn block by block."""

    def __init__(self, items: int, dims: int) -> None:
        self.items = items
        self.scale = (1 + torch.arange(dims) / 32) ** -0.5
        generator = torch.Generator().manual_seed(0)
        self.centres = self._draw(max(1, items // ITEMS_PER_CLUSTER), generator)

    def _draw(self, rows: int, generator: torch.Generator) -> Tensor:
        noise = torch.randn(rows, len(self.scale), generator=generator)
        return F.normalize(noise.mul_(self.scale))

    def block(self, number: int) -> Tensor:
        """Return items ``number * ITEMS_PER_BLOCK`` and up."""
        generator = torch.Generator().manual_seed(1 + number)
        rows = min(ITEMS_PER_BLOCK, self.items - number * ITEMS_PER_BLOCK)
        own = torch.randint(len(self.centres), (rows,), generator=generator)
        return F.normalize(self._draw(rows, generator).mul_(0.7).add_(self.centres[own]))

    def blocks(self) -> Iterator[Tensor]:
        """Yield the gallery."""
        return map(self.block, range(-(-self.items // ITEMS_PER_BLOCK)))

    def gallery(self) -> Tensor:
        """Return the gallery as a whole."""
        whole = torch.empty(self.items, len(self.scale))
        for number, block in enumerate(self.blocks()):
            whole[number * ITEMS_PER_BLOCK :][: len(block)] = block
        return whole

    def queries(self, count: int) -> Tensor:
        """Return items of the first block with noise."""
        generator = torch.Generator().manual_seed(2**40)
        items = self.block(0)
        chosen = torch.randint(len(items), (count,), generator=generator)
        return F.normalize(items[chosen] + 0.5 * self._draw(count, generator))


def geoloc_search(query: Tensor, gallery: Tensor, k: int) -> np.ndarray:
    parts, start = [], time.perf_counter()
    for rows in query.split(QUERIES_PER_LINE):
        parts.append(exact_search(rows, gallery, k).index)
        if len(query) > QUERIES_PER_LINE:
            done, seconds = sum(map(len, parts)), time.perf_counter() - start
            print(f"{done:10d} queries{seconds:10.0f} s{memory_mb('VmHWM'):8.0f} MB", flush=True)
    return np.concatenate(parts)


def torch_search(query: Tensor, gallery: Tensor, k: int) -> np.ndarray:
    chunk = max(1, 2**24 // len(gallery))
    return torch.cat([(rows @ gallery.T).topk(k).indices for rows in query.split(chunk)]).numpy()


def faiss_search(query: Tensor, gallery: Tensor, k: int) -> np.ndarray:
    index = faiss.IndexFlatIP(gallery.shape[1])
    index.add(gallery.numpy())
    return index.search(query.numpy(), k)[1]


VERSIONS: dict[str, Search] = {
    "geoloc": geoloc_search,
    "torch": torch_search,
    "faiss": faiss_search,
}


def memory_mb(field: str) -> float:
    """Return ``VmRSS``, the memory of this process, or ``VmHWM``, its peak."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith(field))
    return int(line.split()[1]) / 1024


def set_threads(threads: int) -> None:
    torch.set_num_threads(threads)
    faiss.omp_set_num_threads(threads)


def run(version: str, arguments: argparse.Namespace, answer: Connection) -> None:
    set_threads(arguments.threads)
    clusters = Clusters(arguments.gallery, arguments.dims)
    query, gallery = clusters.queries(arguments.queries), clusters.gallery()
    VERSIONS[version](query[:100], gallery[: 10 * arguments.k], arguments.k)
    before, start = memory_mb("VmRSS"), time.perf_counter()
    found = VERSIONS[version](query, gallery, arguments.k)
    answer.send((time.perf_counter() - start, memory_mb("VmHWM") - before, found))


def measure(version: str, arguments: argparse.Namespace) -> tuple[float, float, np.ndarray]:
    """Return seconds, MB and indices of one run in a process of its own."""
    fork = multiprocessing.get_context("fork")
    answer, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=run, args=(version, arguments, sender))
    process.start()
    sender.close()
    outcome = answer.recv()
    process.join()
    return outcome


def exact(arguments: argparse.Namespace) -> None:
    used = [arguments.only] if arguments.only else list(VERSIONS)
    sizes = f"{arguments.queries} x {arguments.gallery} x {arguments.dims}, k = {arguments.k}"
    print(f"{sizes}, {arguments.threads} thread(s), best of {arguments.repeats}")
    runs = [[measure(name, arguments) for name in used] for _ in range(arguments.repeats)]
    print(f"{'version':10}{'seconds':>10}{'ratio':>8}{'GFLOP/s':>10}{'peak MB':>10}{'same':>8}")
    work = 2e-9 * arguments.queries * arguments.gallery * arguments.dims
    for column, name in enumerate(used):
        seconds, megabytes = (min(row[column][fact] for row in runs) for fact in range(2))
        ratio = seconds / min(row[0][0] for row in runs)
        same = (runs[0][column][2] == runs[0][0][2]).all(axis=1).mean()
        print(f"{name:10}{seconds:10.2f}{ratio:8.2f}{work / seconds:10.1f}", end="")
        print(f"{megabytes:10.0f}{same:8.4f}")


def compressed(arguments: argparse.Namespace) -> None:
    set_threads(arguments.threads)
    clusters = Clusters(arguments.gallery, arguments.dims)
    query = clusters.queries(arguments.queries)
    index = FaissIndex(arguments.factory, {"nprobe": arguments.nprobe}, arguments.train_size)
    print(f"{arguments.factory}, nprobe = {arguments.nprobe}, {arguments.gallery} x ", end="")
    print(f"{arguments.dims}, {arguments.threads} thread(s)", flush=True)
    start = time.perf_counter()
    index.train(map(clusters.block, range(-(-arguments.train_size // ITEMS_PER_BLOCK))))
    print(f"train, {arguments.train_size} items {time.perf_counter() - start:10.1f} s", flush=True)
    drawing = adding = 0.0
    start = time.perf_counter()
    for number, block in enumerate(clusters.blocks()):
        drawn = time.perf_counter()
        index.add(block)
        drawing, adding = drawing + drawn - start, adding + time.perf_counter() - drawn
        start = time.perf_counter()
        if number % 10 == 9:
            print(f"{len(index):10d} added in {adding:8.1f} s", flush=True)
    print(f"add {adding:10.1f} s, and {drawing:.1f} s to draw the descriptors")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        index.save(path)
        print(f"on disk {path.stat().st_size / 2**20:10.0f} MB", end="")
    print(f", process {memory_mb('VmRSS'):.0f} MB, at its peak {memory_mb('VmHWM'):.0f} MB")
    single = []
    for row in query[:100].split(1):
        start = time.perf_counter()
        index.search(row, 10)
        single.append(time.perf_counter() - start)
    start = time.perf_counter()
    found = index.search(query, 10)
    batched = (time.perf_counter() - start) / len(query)
    print(f"a query {1e3 * np.median(single):10.2f} ms alone, {1e3 * batched:.2f} ms of a batch")
    start = time.perf_counter()
    best = search_blocks(query, clusters.blocks(), 20)
    print(f"exact {time.perf_counter() - start:10.1f} s for {len(query)} queries")
    recall = search_recall(found, best)
    print(", ".join(f"{name} {100 * value:.1f} %" for name, value in recall.items()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    for command, queries, gallery in ((exact, 2000, 200_000), (compressed, 1000, 10_000_000)):
        options = commands.add_parser(command.__name__)
        options.set_defaults(command=command)
        options.add_argument("--queries", type=int, default=queries)
        options.add_argument("--gallery", type=int, default=gallery)
        options.add_argument("--dims", type=int, default=512)
        options.add_argument("--threads", type=int, default=torch.get_num_threads())
        if command is exact:
            options.add_argument("--k", type=int, default=100)
            options.add_argument("--repeats", type=int, default=2)
            options.add_argument("--only", choices=VERSIONS)
        else:
            options.add_argument("--factory", default="RR512,IVF4096,PQ64")
            options.add_argument("--nprobe", type=int, default=32)
            options.add_argument("--train-size", type=int, default=200_000)
    arguments = parser.parse_args()
    arguments.command(arguments)


if __name__ == "__main__":
    main()
