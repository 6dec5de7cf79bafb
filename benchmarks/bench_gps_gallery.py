"""Locate a photo in a gallery of GPS positions: latency of one photo and of a batch.

Against the softmax over the whole gallery written down directly:

    python benchmarks/bench_gps_gallery.py
    python benchmarks/bench_gps_gallery.py --gallery 100000 --encode

--encode also times the encoding of the gallery by a location encoder of full size.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from geoloc.geo.fibonacci_sphere import fibonacci_sphere
from geoloc.models.gps_gallery import GpsGallery
from geoloc.models.location_encoders import LocationEncoder
from geoloc.models.most_probable import most_probable

SCALE = 1 / 0.07


def direct(images: Tensor, locations: Tensor, scale: float, k: int) -> tuple[Tensor, Tensor]:
    best = (scale * images @ locations.T).softmax(dim=1).topk(k)
    return best.indices, best.values


def median_ms(work: Callable[[], object], repeats: int) -> float:
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return 1000 * float(np.median(seconds[1:]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gallery", type=int, default=1_000_000)
    parser.add_argument("--dims", type=int, default=512)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--encode", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print(f"{options.gallery} x {options.dims}, k = {options.k}, {options.threads} thread(s)")
    locations = torch.empty(options.gallery, options.dims)
    for chunk in locations.split(100_000):  # in place: one gallery fits in memory, two may not
        chunk.normal_()
        chunk /= chunk.norm(dim=1, keepdim=True)
    for size in (1, options.batch):
        images = F.normalize(torch.randn(size, options.dims), dim=1)
        for name, search in (("geoloc", most_probable), ("direct", direct)):
            took = median_ms(lambda: search(images, locations, SCALE, options.k), options.repeats)  # noqa: B023
            print(f"{name:8} {size:4d} photo(s) {took:10.1f} ms")
    if options.encode:
        gallery = GpsGallery(fibonacci_sphere(options.gallery))
        start = time.perf_counter()
        gallery.embeddings(LocationEncoder())
        print(f"encoding {time.perf_counter() - start:10.1f} s, once for given weights")


if __name__ == "__main__":
    main()
