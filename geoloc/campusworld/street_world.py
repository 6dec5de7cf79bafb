"""Writing StreetWorld to disk: panoramas and satellite tiles as CVUSA, CVACT or VIGOR have them."""

import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from geoloc.campusworld.campus import make_campus
from geoloc.campusworld.georeference import campus_origin, to_degrees
from geoloc.campusworld.layout import campus_radius_m
from geoloc.campusworld.satellite import render_tile
from geoloc.campusworld.spec import CampusPlan, WorldSpec, plan_campuses, random_stream
from geoloc.campusworld.street import render_panorama, street_positions
from geoloc.campusworld.street_layouts import LAYOUTS
from geoloc.campusworld.street_place import Place, StreetCampus, to_utm
from geoloc.errors import ConfigError
from geoloc.rendered_folder import RenderedFolder, save_image
from geoloc.whole_files import write_whole

MARK = "streetworld.json"
GENERATOR_VERSION = 1
Layout = Literal["cvusa", "cvact", "vigor"]


@dataclass(frozen=True)
class StreetSpec:
    """All parameters of a StreetWorld.

    Attributes:
        layout: Its files and their index, those of ``cvusa``, ``cvact`` or ``vigor``.
        seed: Entropy of every random stream.
        train_places: Number of train panoramas.
        val_places: Number of val panoramas, on campuses of their own.
        places_per_campus: Panoramas on a campus.
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
    def description(self) -> str:
        """All parameters, as text."""
        content = {"generator_version": GENERATOR_VERSION, **asdict(self)}
        return json.dumps(content, indent=2) + "\n"

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
    folder = RenderedFolder(root, "StreetWorld", MARK, spec.description)
    if folder.is_finished():
        return root
    plans = list(plan_campuses(spec.world))
    _check_campuses(spec, plans)
    folder.begin()
    write = partial(write_campus, root, spec)
    count = min(workers or os.cpu_count() or 1, len(plans))
    if count == 1:
        parts = [write(plan) for plan in plans]
    else:
        context = multiprocessing.get_context("spawn")
        first = write(plans[0])  # compiles the kernels into the cache that every worker loads
        with ProcessPoolExecutor(count, mp_context=context) as pool:
            parts = [first, *pool.map(write, plans[1:])]
    LAYOUTS[spec.layout].write_index(root, parts)
    folder.finish()
    return root


def write_campus(root: Path, spec: StreetSpec, plan: CampusPlan) -> StreetCampus:
    """Write the images of a campus, unless that was done before; return what is in them."""
    done = root / "campuses" / f"{plan.index}.json"
    origin, radius_m = campus_origin(spec.seed, plan.index), campus_radius_m(plan.places)
    written = StreetCampus(plan.index, origin, radius_m, spec.tile_m, [])
    if done.is_file():
        places = [Place(*values) for values in json.loads(done.read_text())]
        return written._replace(places=places)
    world = spec.world
    campus = make_campus(world, plan)
    rng = random_stream(spec.seed, plan.index, view=2)
    positions = street_positions(rng, campus, plan.places, radius_m, spec.spacing_m)
    middle = campus.layout.size_m / 2
    degrees = to_degrees(origin, positions - middle)
    utm = to_utm(positions - middle, plan.index)
    split = "train" if plan.split == "train" else "val"
    for k in range(plan.places):
        place = Place(plan.first_class + k, split, *degrees[k].tolist(), *utm[k].tolist())
        written.places.append(place)
    layout = LAYOUTS[spec.layout]
    for k, (place, position) in enumerate(zip(written.places, positions, strict=True)):
        panorama = render_panorama(world, campus, plan.index, k, position, spec.panorama)
        save_image(panorama, root / layout.panorama(written, place))
    for tile in layout.tiles(written, positions, middle):
        shot = render_tile(campus, tile.position, spec.tile_m, spec.tile_px)
        save_image(shot, root / tile.path)
    write_whole(done, json.dumps(written.places))
    return written


def _check_campuses(spec: StreetSpec, plans: list[CampusPlan]) -> None:
    """Check that a layout that divides campuses among cities has enough of them.

    Raises:
        ConfigError: If it has not.
    """
    needed = LAYOUTS[spec.layout].campuses
    train = sum(plan.split == "train" for plan in plans)
    if min(train, len(plans) - train) < needed:
        raise ConfigError(
            f"StreetWorld: layout={spec.layout!r} needs {needed} campuses each for train and val, "
            f"but train_places={spec.train_places} and val_places={spec.val_places} make {train} "
            f"and {len(plans) - train}; ask for more, or for fewer than "
            f"places_per_campus={spec.places_per_campus}."
        )
