"""Time level matrices from GPS against one geopy call per pair, and near pairs against a matrix.

Run ``OMP_NUM_THREADS=1 python benchmarks/bench_levels.py`` (Linux). All sides use one thread. The
per-pair loop is timed on a part of the matrix and scaled to all pairs, because all of it takes
minutes. The large case is a gallery of places in clusters of 75 all over the world; its matrix is
made for a part of the gallery, where its levels are checked against those of the near pairs, and
scaled too. Every run of it is a process of its own; memory is what the run adds to it at its peak.
"""

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from geopy.distance import geodesic

from geoloc.datasets.place_levels import SparseDistanceLevels
from geoloc.geo import geodesic_distance, near_pairs, relevance_levels

TRAIN_PLACES, TEST_PLACES, DRONE_IMAGES = 450, 300, 60
THRESHOLDS_M = (3.0, 200.0, 500.0)
Result = TypeVar("Result")


def campuses(places: int, generator: np.random.Generator) -> np.ndarray:
    """Return (lat, lon) of places on campuses of 75, about 1 km wide and 30 km apart."""
    centres = np.array([28.2, 112.9]) + generator.normal(size=(-(-places // 75), 2)) * 0.3
    return around(centres, places, generator)


def world(places: int, generator: np.random.Generator) -> np.ndarray:
    """Return (lat, lon) of places on campuses of 75 anywhere between 60 degrees north and south."""
    count = -(-places // 75)
    sine = np.sin(np.radians(60)) * generator.uniform(-1, 1, count)
    centres = np.stack([np.degrees(np.arcsin(sine)), generator.uniform(-179, 179, count)], axis=1)
    return around(centres, places, generator)


def around(centres: np.ndarray, places: int, generator: np.random.Generator) -> np.ndarray:
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


def apart(work: Callable[[], Result]) -> tuple[Result, float, float]:
    """Return what a process of its own computes, its seconds and its MB."""
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)

    def run() -> None:
        before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
        result = work()
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sender.send((result, seconds, (peak - before) / 1024))

    process = fork.Process(target=run)
    process.start()
    outcome = receiver.recv()
    process.join()
    return outcome


def large_case(queries: int, places: int, part: int) -> None:
    """Print near pairs and sparse levels of many places beside the matrix of a part of them."""
    generator = np.random.default_rng(0)
    gallery = world(places, generator)
    query = gallery[generator.integers(places, size=queries)]
    query += generator.normal(size=query.shape) * 0.0003
    chosen = np.sort(generator.choice(places, part, replace=False))

    def sparse() -> tuple[int, np.ndarray]:
        row, column, distance_m = near_pairs(query, gallery, THRESHOLDS_M[-1])
        level = relevance_levels(distance_m, THRESHOLDS_M)
        position = np.searchsorted(chosen, column).clip(max=part - 1)
        inside = chosen[position] == column
        return len(row), np.stack([row[inside], position[inside], level[inside]])

    def dense() -> np.ndarray:
        levels = relevance_levels(geodesic_distance(query, gallery[chosen]), THRESHOLDS_M)
        row, column = levels.nonzero()
        return np.stack([row, column, levels[row, column]])

    def stored() -> tuple[int, float]:
        levels = SparseDistanceLevels.from_positions(gallery, THRESHOLDS_M)
        rows, columns = torch.arange(2), torch.randperm(places)
        return len(levels.near), best_of(5, lambda: levels(rows, columns))

    (pairs, found), seconds, megabytes = apart(sparse)
    expected, of_part, part_megabytes = apart(dense)
    np.testing.assert_array_equal(found, expected)
    scale = places / part
    print(f"levels of {queries} queries x {places} places: {pairs} pairs above level 0")
    print(f"{'':<28}{'seconds':>10}{'peak MB':>10}")
    print(f"{'near pairs':<28}{seconds:10.2f}{megabytes:10.0f}")
    print(f"{f'matrix, {part} places':<28}{of_part:10.2f}{part_megabytes:10.0f}")
    print(f"{'matrix, scaled to all':<28}{scale * of_part:10.0f}{scale * part_megabytes:10.0f}")
    (pairs, look_up), seconds, megabytes = apart(stored)
    print(f"{'levels within the gallery':<28}{seconds:10.2f}{megabytes:10.0f}   {pairs} pairs")
    print(f"{f'look-up of 2 x {places}':<28}{look_up:10.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--loop-pairs", type=int, default=2500)
    parser.add_argument("--queries", type=int, default=18_000, help="of the large case")
    parser.add_argument("--places", type=int, default=1_000_000, help="of the large case")
    parser.add_argument("--matrix-places", type=int, default=500, help="the part for the matrix")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
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
    large_case(arguments.queries, arguments.places, arguments.matrix_places)


if __name__ == "__main__":
    main()
