"""Time level matrices from GPS against one geopy call per pair, side by side.

Run ``OMP_NUM_THREADS=1 python benchmarks/bench_levels.py``. Both sides use one thread. The per-pair
loop is timed on a part of the matrix and scaled to all pairs, because all of it takes minutes.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from geopy.distance import geodesic

from geoloc.geo import geodesic_distance, relevance_levels

TRAIN_PLACES, TEST_PLACES, DRONE_IMAGES = 450, 300, 60


def campuses(places: int, generator: np.random.Generator) -> np.ndarray:
    """Return (lat, lon) of places on campuses of 75, about 1 km wide and 30 km apart."""
    centres = np.array([28.2, 112.9]) + generator.normal(size=(-(-places // 75), 2)) * 0.3
    rows = centres[np.arange(places) % len(centres)]
    return rows + generator.normal(size=(places, 2)) * [0.004, 0.0045]


def best_of(repeats: int, work: Callable[[], object]) -> float:
    """Return the shortest time in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def seconds_per_geopy_pair(latlon: np.ndarray, pairs: int) -> float:
    """Time a plain loop over the first ``pairs`` pairs and check it against the matrix."""
    side = int(np.ceil(np.sqrt(pairs)))
    points = [tuple(row) for row in latlon[:side].tolist()]
    start = time.perf_counter()
    loop = [[geodesic(p, q).m for q in points] for p in points]
    seconds = (time.perf_counter() - start) / side**2
    ours = geodesic_distance(latlon[:side], latlon[:side])
    np.testing.assert_allclose(ours, loop, rtol=0, atol=1e-5)
    return seconds


def report(name: str, seconds: float, pairs: int, per_geopy_pair: float) -> None:
    loop = per_geopy_pair * pairs
    print(f"{name:<44} {1e3 * seconds:9.1f} ms   geopy loop {loop:7.1f} s   {loop / seconds:9.0f}x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--loop-pairs", type=int, default=2500)
    arguments = parser.parse_args()
    generator = np.random.default_rng(0)
    train, test = campuses(TRAIN_PLACES, generator), campuses(TEST_PLACES, generator)
    per_pair = seconds_per_geopy_pair(train, arguments.loop_pairs)
    print(f"geopy: {1e6 * per_pair:.0f} us per pair, timed on {arguments.loop_pairs} pairs")

    for method in ("geodesic", "haversine"):
        seconds = best_of(
            arguments.repeats,
            lambda method=method: relevance_levels(geodesic_distance(train, train, method)),
        )
        name = f"levels {TRAIN_PLACES} x {TRAIN_PLACES} places, {method}"
        report(name, seconds, TRAIN_PLACES**2, per_pair)

    query_place = np.repeat(np.arange(TEST_PLACES), DRONE_IMAGES)
    gallery_place = generator.permutation(TEST_PLACES)

    def image_levels() -> np.ndarray:
        places = relevance_levels(geodesic_distance(test, test))
        return places[query_place[:, None], gallery_place]

    name = f"levels {query_place.size} x {gallery_place.size} images"
    pairs = query_place.size * gallery_place.size
    report(name, best_of(arguments.repeats, image_levels), pairs, per_pair)


if __name__ == "__main__":
    main()
