"""Build, open and search a gallery of millions of random descriptors.

python benchmarks/gallery_5m.py [--rows 5000000] [--dim 128] [--dtype float32] [--folder PATH]

The descriptors lie about 10,000 random centres, as images of one region do; the queries are noisy
copies of rows. Needs ``rows * (dim * size of dtype + 160)`` bytes of disk, index included.

Building and querying are processes of their own, whose peak of resident memory is printed. It
counts the libraries, which take what the first line says, and pages of mapped files, which the
system takes back when it needs them; "own" is what the process holds without mapped files.
"""

import argparse
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import faiss
import numpy as np
import torch

from geoloc.benchmark.train_job import hardware
from geoloc.evaluation.search import search_recall
from geoloc.localization import Gallery
from geoloc.localization.gallery_rows import ROWS_PER_BLOCK, Rows, checked_rows

CENTRES, NOISE = 10_000, 0.5


def blocks(rows: int, dim: int) -> Iterator[Rows]:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CENTRES, dim), dtype=np.float32)
    for start in range(0, rows, ROWS_PER_BLOCK):
        count = min(ROWS_PER_BLOCK, rows - start)
        values = centres[rng.integers(CENTRES, size=count)]
        values += NOISE * rng.standard_normal((count, dim), dtype=np.float32)
        yield checked_rows(values, rng.uniform([-60, -180], [70, 180], (count, 2)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--folder", type=Path, help="of the gallery (default: a temporary one)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    faiss.omp_set_num_threads(args.threads)
    folder = args.folder or Path(tempfile.mkdtemp())
    print(f"{args.rows:,} x {args.dim} in {args.dtype}, {hardware()}, {memory()}", flush=True)
    try:
        for phase in (build, query):
            in_a_process(phase, folder, args)
    finally:
        if args.folder is None:
            shutil.rmtree(folder)


def in_a_process(phase: Callable[..., None], *arguments: object) -> None:
    process = multiprocessing.get_context("fork").Process(target=phase, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def build(folder: Path, args: argparse.Namespace) -> None:
    with timed("build, with an index from 200,000 rows on"):
        Gallery.create(folder, blocks(args.rows, args.dim), dtype=args.dtype, overwrite=True)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"on disk: {size / 2**20:,.0f} MiB", flush=True)


def query(folder: Path, args: argparse.Namespace) -> None:
    with timed("open"):
        gallery = Gallery(folder)
    rng = np.random.default_rng(1)
    values = gallery.descriptors(rng.integers(args.rows, size=args.queries))
    values += 0.1 / args.dim**0.5 * rng.standard_normal(values.shape, dtype=np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    with timed("first query, which reads the index and its checksum"):
        gallery.search(values[:1], 10)
    alone = []
    with timed(f"{args.queries} queries one by one"):
        for one in values:
            start = time.perf_counter()
            gallery.search(one[None], 10)
            alone.append(time.perf_counter() - start)
    print(f"the median of them: {1e3 * np.median(alone):.1f} ms", flush=True)
    with timed(f"{args.queries} queries at once"):
        found = gallery.search(values, 10)
    with timed(f"{args.queries} queries at once, exact"):
        exact = gallery.search(values, 20, exact=True)
    recall = search_recall(found, exact)
    print(", ".join(f"{name} {value:.1%}" for name, value in recall.items()))


@contextmanager
def timed(name: str) -> Iterator[None]:
    start, start_cpu = time.perf_counter(), time.process_time()
    yield
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    print(f"{name}: {seconds:.3f} s, {cpu:.3f} s of CPU time, {memory()}", flush=True)


def memory() -> str:
    """Return the peak of this process's resident memory, and what it holds without mapped files."""
    with open("/proc/self/status") as status:
        lines = dict(line.split(":", 1) for line in status)
    peak, own = (int(lines[field].split()[0]) / 2**10 for field in ("VmHWM", "RssAnon"))
    return f"{peak:,.0f} MiB at its peak, {own:,.0f} MiB own"


if __name__ == "__main__":
    main()
