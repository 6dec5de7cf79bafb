"""Writing StreetWorld to disk: panoramas and satellite tiles as CVUSA and CVACT have them."""

import csv
import io
import json
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import Image
from scipy.io import savemat

from geoloc.campusworld.campus import make_campus
from geoloc.campusworld.georeference import campus_origin, to_degrees
from geoloc.campusworld.layout import campus_radius_m
from geoloc.campusworld.satellite import render_tile
from geoloc.campusworld.spec import CampusPlan, WorldSpec, plan_campuses, random_stream
from geoloc.campusworld.street import render_panorama, street_positions
from geoloc.errors import ConfigError, DatasetError

MARK = "streetworld.json"
JPEG_QUALITY = 92
GENERATOR_VERSION = 1
CANBERRA_M = np.array([640_000.0, 6_040_000.0])  # easting and northing
CAMPUS_DISTANCE_M, CAMPUSES_IN_A_ROW = 7_000.0, 10
Layout = Literal["cvusa", "cvact"]


@dataclass(frozen=True)
class StreetSpec:
    """All parameters of a StreetWorld.

    Attributes:
        layout: Names of its files and their index, ``cvusa`` or ``cvact``.
        seed: Entropy of every random stream.
        train_places: Number of train pairs.
        val_places: Number of val pairs, on campuses of their own.
        places_per_campus: Pairs on a campus.
        panorama: Rows and columns of a panorama in px; the columns span 360 degrees.
        tile_px: Side of a satellite tile in px.
        tile_m: Side of the ground that it shows in m.
        spacing_m: Least distance of two places in m.
        campus_style: See :class:`WorldSpec`.
    """

    layout: Layout = "cvusa"
    seed: int = 0
    train_places: int = 960
    val_places: int = 240
    places_per_campus: int = 60
    panorama: tuple[int, int] = (128, 512)
    tile_px: int = 256
    tile_m: float = 120.0
    spacing_m: float = 30.0
    campus_style: float = 0.5

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise ConfigError(
                f"StreetWorld: layout={self.layout!r} must be one of {', '.join(LAYOUTS)}."
            )
        if min(*self.panorama, self.tile_px) < 16 or self.spacing_m <= 0:
            raise ConfigError(
                f"StreetWorld: panorama={self.panorama}, tile_px={self.tile_px} must be 16 px or "
                f"more and spacing_m={self.spacing_m} positive."
            )

    @property
    def world(self) -> WorldSpec:
        """The world whose campuses the streets belong to."""
        return WorldSpec(
            seed=self.seed,
            train_places=self.train_places,
            test_places=self.val_places,
            views=1,
            places_per_campus=self.places_per_campus,
            campus_style=self.campus_style,
        )


class Place(NamedTuple):
    """A written pair.

    Attributes:
        number: From 1, over all campuses.
        split: ``train`` or ``val``.
        lat, lon: In degrees, on the site of the campus.
        easting_m, northing_m: In m of UTM zone 55 South, where CVACT lies; campuses have other
            sites there, likewise far apart.
    """

    number: int
    split: str
    lat: float
    lon: float
    easting_m: float
    northing_m: float


def write_streetworld(root: str | Path, spec: StreetSpec, workers: int | None = None) -> Path:
    """Write a world below ``root``; a finished world with the same parameters is left alone.

    Campuses are written one by one, each remembered when it is complete, so that an interrupted
    call is resumed by repeating it. The files depend on the parameters only.

    Args:
        root: The folder.
        spec: Its parameters.
        workers: Processes; ``None`` takes one for each available core.

    Returns:
        The root.

    Raises:
        ConfigError: If a parameter is out of range.
        DatasetError: If the folder holds another world or other files.
    """
    root = Path(root)
    if _is_finished(root, spec):
        return root
    root.mkdir(parents=True, exist_ok=True)
    _write_text(root / f"{MARK}.unfinished", _description(spec))
    plans = list(plan_campuses(spec.world))
    write = partial(write_campus, root, spec)
    count = min(workers or os.cpu_count() or 1, len(plans))
    if count == 1:
        parts = [write(plan) for plan in plans]
    else:
        context = multiprocessing.get_context("spawn")
        first = write(plans[0])  # compiles the kernels into the cache that every worker loads
        with ProcessPoolExecutor(count, mp_context=context) as pool:
            parts = [first, *pool.map(write, plans[1:])]
    LAYOUTS[spec.layout].write_index(root, [place for part in parts for place in part])
    _write_text(root / MARK, _description(spec))
    (root / f"{MARK}.unfinished").unlink()
    return root


def write_campus(root: Path, spec: StreetSpec, plan: CampusPlan) -> list[Place]:
    """Write the pairs of a campus, unless that was done before; return them."""
    done = root / "campuses" / f"{plan.index}.json"
    if done.is_file():
        return [Place(*values) for values in json.loads(done.read_text())]
    world = spec.world
    campus = make_campus(world, plan)
    rng = random_stream(spec.seed, plan.index, view=2)
    radius_m = campus_radius_m(plan.places)
    positions = street_positions(rng, campus, plan.places, radius_m, spec.spacing_m)
    offset_m = positions - campus.layout.size_m / 2
    degrees = to_degrees(campus_origin(spec.seed, plan.index), offset_m)
    utm = (
        offset_m + CANBERRA_M + CAMPUS_DISTANCE_M * np.array(divmod(plan.index, CAMPUSES_IN_A_ROW))
    )
    split = "train" if plan.split == "train" else "val"
    places = []
    for k, position in enumerate(positions):
        place = Place(plan.first_class + k, split, *degrees[k].tolist(), *utm[k].tolist())
        files = LAYOUTS[spec.layout].files(place)
        panorama = render_panorama(world, campus, plan.index, k, position, spec.panorama)
        _save(panorama, root / files.panorama)
        _save(render_tile(campus, position, spec.tile_m, spec.tile_px), root / files.tile)
        places.append(place)
    _write_text(done, json.dumps(places))
    return places


class Files(NamedTuple):
    """The two files of a pair, below the root."""

    panorama: str
    tile: str


class LayoutFormat(NamedTuple):
    """How a dataset names its files and lists them."""

    files: Callable[[Place], Files]
    write_index: Callable[[Path, list[Place]], None]


def _cvusa_files(place: Place) -> Files:
    name = f"{place.number:07d}.jpg"
    return Files(f"streetview/panos/{name}", f"bingmap/19/{name}")


def _write_cvusa_index(root: Path, places: list[Place]) -> None:
    for split in ("train", "val"):
        rows = [_cvusa_files(place) for place in places if place.split == split]
        text = "".join(f"{files.tile},{files.panorama},\n" for files in rows)
        _write_text(root / f"splits/{split}-19zl.csv", text)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    for place in places:
        writer.writerow((place.lat, place.lon, place.lat, place.lon, 0))
    _write_text(root / "split_locations/all.csv", stream.getvalue())


def _cvact_name(place: Place) -> str:
    return f"street{place.number:06d}"


def _cvact_files(place: Place) -> Files:
    name, folder = _cvact_name(place), "ANU_data_small"
    return Files(
        f"{folder}/streetview/{name}_grdView.jpg",
        f"{folder}/satview_polish/{name}_satView_polish.jpg",
    )


def _write_cvact_index(root: Path, places: list[Place]) -> None:
    rows = {
        split: np.array([[k + 1] for k, place in enumerate(places) if place.split == split])
        for split in ("train", "val")
    }
    content: dict[str, Any] = {
        "panoIds": np.array([_cvact_name(place) for place in places], dtype=object),
        "utm": np.array([[place.easting_m, place.northing_m] for place in places]),
        "trainSet": {"trainInd": rows["train"]},
        "valSet": {"valInd": rows["val"]},
        "valSetAll": {"valInd": rows["val"]},
    }
    savemat(str(root / "ACT_data.mat"), content)


LAYOUTS = {
    "cvusa": LayoutFormat(_cvusa_files, _write_cvusa_index),
    "cvact": LayoutFormat(_cvact_files, _write_cvact_index),
}


def _is_finished(root: Path, spec: StreetSpec) -> bool:
    """Return whether the world is there; refuse a folder that holds anything else.

    Raises:
        DatasetError: If it does.
    """
    for name in (MARK, f"{MARK}.unfinished"):
        if (root / name).is_file():
            if (root / name).read_text(encoding="utf-8") != _description(spec):
                raise DatasetError(
                    f"{root} holds a StreetWorld with other parameters (see {name}); write to "
                    "another folder or delete this one."
                )
            return name == MARK
    if root.is_dir() and any(root.iterdir()):
        raise DatasetError(f"{root} is not empty and no StreetWorld; write to an empty folder.")
    return False


def _description(spec: StreetSpec) -> str:
    content = {"generator_version": GENERATOR_VERSION, **asdict(spec)}
    return json.dumps(content, indent=2) + "\n"


def _save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    image.save(part, format="JPEG", quality=JPEG_QUALITY)
    os.replace(part, path)


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
