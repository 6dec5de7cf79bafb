"""Writing GlobeWorld to disk, in the layout of OSV5M and with its area columns."""

import csv
import io
import json
import multiprocessing
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from geoloc.globeworld.spec import GlobeSpec
from geoloc.globeworld.world import World, make_world
from geoloc.rendered_folder import RenderedFolder, save_image
from geoloc.whole_files import write_whole

MARK = "globeworld.json"
TOWNS = "towns.csv"
PHOTOS_PER_SHARD = 500
AREA_COLUMNS = ("unique_region", "unique_sub-region", "unique_city", "unique_country")
COLUMNS = ("id", "latitude", "longitude", "country", "region", "sub-region", "city")


def write_globeworld(root: str | Path, spec: GlobeSpec, workers: int | None = None) -> Path:
    """Write a world below ``root``; a finished world with the same parameters is left alone.

    Every photo is written in one step, and those that are there are not rendered again, so that an
    interrupted call is resumed by repeating it. The files depend on the parameters only.

    Args:
        root: The folder.
        spec: The parameters.
        workers: Processes; ``None`` takes one for each available core.

    Returns:
        The root.

    Raises:
        DatasetError: If the folder holds another world or other files.
    """
    root = Path(root)
    description = json.dumps(spec.parameters(), indent=2) + "\n"
    folder = RenderedFolder(root, "GlobeWorld", MARK, description)
    if folder.is_finished():
        return root
    folder.begin()
    world = make_world(spec)
    shards = [range(start, stop) for start, stop in _shards(world)]
    write = partial(write_photos, root, world)
    count = min(workers or os.cpu_count() or 1, len(shards))
    if count == 1:
        list(map(write, shards))
    else:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(count, mp_context=context) as pool:
            list(pool.map(write, shards))
    _write_tables(root, world)
    folder.finish()
    return root


def write_photos(root: Path, world: World, rows: Iterable[int]) -> None:
    """Render the photos of some rows that are not there yet."""
    for row in rows:
        file = root / photo_path(world, row)
        if not file.is_file():
            save_image(world.render(row), file)


def photo_path(world: World, row: int) -> str:
    """Return the file of a photo below the root."""
    split, first = ("train", 0) if world.photos.train[row] else ("test", world.spec.train_photos)
    shard = (row - first) // PHOTOS_PER_SHARD
    return f"images/{split}/{shard:02d}/{world.photos.number[row]}.jpg"


def _shards(world: World) -> list[tuple[int, int]]:
    """Return the first row of every shard and the one behind its last."""
    train, total = world.spec.train_photos, len(world.photos.number)
    parts = [(0, train), (train, total)]
    return [
        (start, min(start + PHOTOS_PER_SHARD, stop))
        for first, stop in parts
        for start in range(first, stop, PHOTOS_PER_SHARD)
    ]


def _write_tables(root: Path, world: World) -> None:
    """Write the tables of both splits and the gazetteer."""
    photos, towns = world.photos, world.settlement.towns
    nearest = [towns[town] for town in photos.town.tolist()]
    names = [(town.cc, town.admin1, town.admin2, town.name) for town in nearest]
    unique = [world.areas[name.removeprefix("unique_")].tolist() for name in AREA_COLUMNS]
    landmarks = ["" if kind < 0 else kind for kind in photos.landmark.tolist()]
    columns = [photos.number.tolist(), *photos.latlon.T.tolist(), *zip(*names, strict=True)]
    rows = list(zip(*columns, *unique, landmarks, strict=True))
    header = (*COLUMNS, *AREA_COLUMNS, "landmark")
    for split, chosen in (("train", photos.train), ("test", ~photos.train)):
        of_split = [rows[row] for row in np.flatnonzero(chosen).tolist()]
        _write_table(root / f"{split}.csv", header, of_split)
    places = world.settlement.latlon.tolist()
    entries = [
        (lat, lon, town.name, town.admin1, town.admin2, town.cc)
        for (lat, lon), town in zip(places, towns, strict=True)
    ]
    _write_table(root / TOWNS, ("lat", "lon", "name", "admin1", "admin2", "cc"), entries)


def _write_table(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_whole(path, stream.getvalue())
