"""Build, open and search a gallery of millions of random descriptors.

python benchmarks/gallery_5m.py [--rows 5000000] [--dim 128] [--dtype float32] [--folder PATH]

The descriptors lie about 10,000 random centres, as images of one region do; the queries are noisy
copies of rows. Needs ``rows * (dim * size of dtype + 130)`` bytes of disk, index included.
"""

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="of the gallery (default: a temporary one)")
    args = parser.parse_args()
    folder = args.folder or Path(tempfile.mkdtemp())
    try:
        measure(folder, args)
    finally:
        if args.folder is None:
            shutil.rmtree(folder)


def measure(folder: Path, args: argparse.Namespace) -> None:
    with timed("build, with an index from 200,000 rows on"):
        Gallery.create(folder, blocks(args.rows, args.dim), dtype=args.dtype, overwrite=True)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{args.rows:,} x {args.dim} in {args.dtype}: {size / 2**20:,.0f} MiB on disk")
    with timed("open"):
        gallery = Gallery(folder)
    rng = np.random.default_rng(1)
    query = gallery.descriptors(rng.integers(args.rows, size=args.queries))
    query += 0.1 / args.dim**0.5 * rng.standard_normal(query.shape, dtype=np.float32)
    query /= np.linalg.norm(query, axis=1, keepdims=True)
    with timed("first query, which reads the index"):
        gallery.search(query[:1], 10)
    with timed(f"{args.queries} queries"):
        found = gallery.search(query, 10)
    with timed(f"{args.queries} queries, exact"):
        exact = gallery.search(query, 20, exact=True)
    recall = search_recall(found, exact)
    print(", ".join(f"{name} {value:.1%}" for name, value in recall.items()))


@contextmanager
def timed(name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"{name}: {seconds:.3f} s, peak memory {peak:,.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
