"""What float16 and int8 descriptors cost in accuracy, and save in bytes and time.

    python benchmarks/bench_descriptor_codes.py work_dirs/infonce_r18_campusworld

RUN is a run folder, with descriptors.npy, index.csv and metrics.json. Gallery descriptors pass
through the codes that a gallery stores, queries stay float32, and the metrics are those of the
evaluation. For the times, every type gets a gallery of noisy copies of the run's descriptors and
the same queries; rounds alternate between the types, the best counts, and float32 is 1.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from geoloc.datasets.index import Index
from geoloc.evaluation import HierarchicalRetrieval
from geoloc.evaluation.comparison import markdown
from geoloc.evaluation.results import load_run
from geoloc.evaluation.task import task_rows
from geoloc.localization import Gallery
from geoloc.localization.descriptor_codes import DTYPES, decode, encode

METRICS = ("R@1/overall", "H-AP")
NOISE = 0.3  # length, beside descriptors of length 1


def accuracy(
    descriptors: NDArray[np.float32], index: Index, thresholds_m: list[float], task: str
) -> Iterator[list[str]]:
    """Yield a row of the table per type."""
    rows = task_rows(task, index)
    for dtype in DTYPES:
        stored = descriptors.copy()
        stored[rows.gallery] = decode(encode(descriptors[rows.gallery], dtype))
        metric = HierarchicalRetrieval([task], resample="place")
        found = metric.measure(torch.from_numpy(stored), index, thresholds_m)[task].metrics
        exact, coded = (
            values[rows.query].astype(np.float64) @ values[rows.gallery].T.astype(np.float64)
            for values in (descriptors, stored)
        )
        same = (exact.argmax(axis=1) == coded.argmax(axis=1)).mean()
        values = [f"{found[name]:.2f}" for name in METRICS]
        yield [task, dtype, *values, f"{same:.2%}", f"{np.abs(exact - coded).max():.1e}"]


def galleries(
    folder: Path, descriptors: NDArray[np.float32], rows: int
) -> tuple[dict[str, Gallery], NDArray[np.float32]]:
    """Return a gallery per type, with an index, and queries."""
    rng = np.random.default_rng(0)

    def noisy(count: int) -> NDArray[np.float32]:
        values = descriptors[rng.integers(len(descriptors), size=count)]
        noise = rng.standard_normal(values.shape, dtype=np.float32)
        values = values + NOISE / values.shape[1] ** 0.5 * noise
        return values / np.linalg.norm(values, axis=1, keepdims=True)

    values, latlon = noisy(rows), np.zeros((rows, 2))
    made = {}
    for dtype in DTYPES:
        made[dtype] = Gallery.from_arrays(folder / dtype, values, latlon, dtype=dtype)
        if made[dtype].manifest.index is None:
            made[dtype].build_index()
    return made, noisy(100)


def best_seconds(
    made: dict[str, Gallery], query: NDArray[np.float32], exact: bool, rounds: int
) -> dict[str, float]:
    """Return the time of a batch of queries per type."""
    best = dict.fromkeys(made, np.inf)
    for gallery in made.values():
        gallery.search(query[:1], 10, exact)  # maps the files, reads the index
    for _ in range(rounds):
        for dtype, gallery in made.items():
            start = time.perf_counter()
            gallery.search(query, 10, exact)
            best[dtype] = min(best[dtype], time.perf_counter() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--rows", type=int, default=100_000, help="of the galleries for times")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    descriptors, index, results = load_run(args.run)
    protocol = results["protocol"]
    print(f"{protocol['dataset']} ({protocol['fingerprint']}), {args.run.name}\n")
    head = ["task", "gallery stored as", *METRICS, "same first place", "largest error of a score"]
    tasks = ("drone->satellite", "satellite->drone")
    lines = [
        line
        for task in tasks
        for line in accuracy(descriptors, index, protocol["thresholds_m"], task)
    ]
    print(markdown([head, *lines], "left"))
    folder = Path(tempfile.mkdtemp())
    try:
        made, query = galleries(folder, descriptors, args.rows)
        exact, indexed = (best_seconds(made, query, kind, args.rounds) for kind in (True, False))
    finally:
        shutil.rmtree(folder)
    dims = descriptors.shape[1]
    print(f"\n{len(query)} queries x {args.rows:,} x {dims}, {torch.get_num_threads()} thread(s)\n")
    head = ["gallery stored as", "bytes per row", "exact search", "with an index"]
    lines = [
        [
            dtype,
            str(dims * np.dtype(dtype).itemsize),
            f"{exact[dtype] / exact[DTYPES[0]]:.2f}",
            f"{indexed[dtype] / indexed[DTYPES[0]]:.2f}",
        ]
        for dtype in DTYPES
    ]
    print(markdown([head, *lines], "left"))
    print(f"\nfloat32: {exact[DTYPES[0]]:.3f} s exact, {indexed[DTYPES[0]]:.3f} s with an index")


if __name__ == "__main__":
    main()
