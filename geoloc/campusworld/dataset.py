"""Writing a world to disk in the layout of DA-Campus."""

import json
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from geoloc.campusworld.campus import Campus, make_campus
from geoloc.campusworld.drone import render_drone
from geoloc.campusworld.georeference import campus_origin, to_degrees
from geoloc.campusworld.layout import make_layout
from geoloc.campusworld.satellite import render_satellite
from geoloc.campusworld.spec import PRESETS, CampusPlan, WorldSpec, plan_campuses
from geoloc.errors import ConfigError, DatasetError
from geoloc.rendered_folder import save_image
from geoloc.whole_files import PART, write_whole

MARK = "campusworld.json"
UNFINISHED = MARK + ".unfinished"
HEADER = "path class_id latitude longitude"
JPEG_QUALITY = 90
FEWEST_IMAGES_FOR_A_POOL = 300  # starting workers costs some seconds


@dataclass(frozen=True)
class PlaceTask:
    """One place to photograph: its campus, its number there, and its files."""

    plan: CampusPlan
    place: int

    @property
    def class_id(self) -> int:
        """Number of the place in the dataset, from 1."""
        return self.plan.first_class + self.place

    @property
    def satellite(self) -> str:
        """Path of the satellite image below the world's root."""
        return f"satellite/{self.plan.split}/{self.class_id:04d}/{self.class_id:04d}.jpg"

    def drone(self, view: int) -> str:
        """Return the path of drone view ``view``, from 0, below the world's root."""
        name = f"{self.class_id:04d}_{view + 1:02d}.jpg"
        return f"drone/{self.plan.split}/{self.class_id:04d}/{name}"

    def files(self, views: int) -> list[str]:
        """Return the paths of the satellite image and of every drone view."""
        return [self.satellite, *(self.drone(view) for view in range(views))]


def write_campusworld(
    root: str | Path,
    preset: str = "mini",
    *,
    seed: int = 0,
    places: tuple[int, int] | None = None,
    views: int | None = None,
    image_size: int | None = None,
    campus_style: float | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Write a world below ``root``; a finished world with the same parameters is left alone.

    The files depend on the parameters only, not on the number of workers. Each image appears
    under its name once it is complete, so an interrupted call is resumed by repeating it.

    Args:
        root: Folder for ``satellite/``, ``drone/`` and ``campusworld.json``.
        preset: Name in :data:`geoloc.campusworld.PRESETS`.
        seed: Seed of the world.
        places: Numbers of train and test places; ``None`` keeps the preset's.
        views: Drone views of each place; ``None`` keeps the preset's.
        image_size: Side of the images in px; ``None`` keeps the preset's.
        campus_style: How much of its style a campus has in common, 0 .. 1; ``None`` keeps the
            preset's.
        workers: Processes; ``None`` takes one for each available core.
        progress: Show a progress bar.

    Returns:
        The root.

    Raises:
        ConfigError: If a parameter is out of range.
        DatasetError: If the folder holds another world or other files.
    """
    spec = world_spec(
        preset,
        seed=seed,
        places=places,
        views=views,
        image_size=image_size,
        campus_style=campus_style,
    )
    root = Path(root)
    _claim(root, spec)
    tasks = [PlaceTask(plan, k) for plan in plan_campuses(spec) for k in range(plan.places)]
    missing = [t for t in tasks if not all((root / f).exists() for f in t.files(spec.views))]
    _render_all(root, spec, missing, workers or os.cpu_count() or 1, progress)
    if missing or not (root / MARK).exists():
        for name, text in index_texts(spec).items():
            write_whole(root / name, text)
        write_whole(root / MARK, _description(spec))
        (root / UNFINISHED).unlink(missing_ok=True)
    return root


def world_spec(
    preset: str,
    *,
    seed: int = 0,
    places: tuple[int, int] | None = None,
    views: int | None = None,
    image_size: int | None = None,
    campus_style: float | None = None,
) -> WorldSpec:
    """Return a preset with some parameters replaced; see :func:`write_campusworld`."""
    if preset not in PRESETS:
        known = ", ".join(sorted(PRESETS))
        raise ConfigError(f"CampusWorld: preset={preset!r} does not exist; choose from {known}.")
    spec = replace(PRESETS[preset], seed=seed)
    if places is not None:
        spec = replace(spec, train_places=places[0], test_places=places[1])
    if views is not None:
        spec = replace(spec, views=views)
    if image_size is not None:
        spec = replace(spec, image_size=image_size)
    if campus_style is not None:
        spec = replace(spec, campus_style=campus_style)
    return spec


def _claim(root: Path, spec: WorldSpec) -> None:
    """Make sure that ``root`` is free or holds this world, and note what is being written."""
    root.mkdir(parents=True, exist_ok=True)
    for name in (MARK, UNFINISHED):
        if (root / name).exists():
            _compare(root / name, spec.parameters())
            break
    else:
        _refuse_foreign(root, spec)
    if not (root / MARK).exists():
        write_whole(root / UNFINISHED, _description(spec))


def _description(spec: WorldSpec) -> str:
    return json.dumps(spec.parameters(), indent=2) + "\n"


def _compare(mark: Path, parameters: dict[str, object]) -> None:
    try:
        found = dict(json.loads(mark.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise DatasetError(
            f"{mark} is not a CampusWorld description ({error}); delete {mark.parent} or write "
            "to another folder."
        ) from None
    differing = [k for k in {**parameters, **found} if parameters.get(k) != found.get(k)]
    if differing:
        pairs = ", ".join(f"{k}={found.get(k)} (asked: {parameters.get(k)})" for k in differing)
        raise DatasetError(
            f"{mark.parent} holds a CampusWorld with {pairs}; write to another folder, delete "
            "this one, or ask for its parameters."
        )


def _refuse_foreign(root: Path, spec: WorldSpec) -> None:
    """Accept an unmarked folder only if this world could have written everything in it."""
    expected = {
        file
        for plan in plan_campuses(spec)
        for k in range(plan.places)
        for file in PlaceTask(plan, k).files(spec.views)
    }
    indices: dict[str, str] | None = None
    for path in sorted(p for p in root.rglob("*") if not p.is_dir()):
        name = path.relative_to(root).as_posix()
        if name in expected or name.endswith(PART):
            continue
        if name.endswith(".txt") and name.count("/") == 1:
            indices = index_texts(spec) if indices is None else indices
            if indices.get(name) == path.read_text(encoding="utf-8"):
                continue
        raise DatasetError(
            f"{root} holds {name}, which is not part of the CampusWorld asked for; write to an "
            "empty folder."
        )


def index_texts(spec: WorldSpec) -> dict[str, str]:
    """Return the four index files of a world by their path below the root."""
    lines: dict[str, list[str]] = {
        f"{platform}/{split}.txt": [HEADER]
        for platform in ("satellite", "drone")
        for split in ("train", "test")
    }
    for plan in plan_campuses(spec):
        origin = campus_origin(spec.seed, plan.index)
        degrees = to_degrees(origin, make_layout(spec, plan).places)
        for place, (lat, lon) in enumerate(degrees):
            task = PlaceTask(plan, place)
            for file in task.files(spec.views):
                platform, path = file.split("/", 1)
                row = f"{path} {task.class_id} {lat:.8f} {lon:.8f}"
                lines[f"{platform}/{plan.split}.txt"].append(row)
    return {name: "\n".join(rows) + "\n" for name, rows in lines.items()}


def _render_all(
    root: Path, spec: WorldSpec, tasks: list[PlaceTask], workers: int, progress: bool
) -> None:
    """Render tasks in order; workers share nothing, so their number changes no byte."""
    render = partial(render_place, root, spec)
    images = spec.views + 1
    with _progress_bar(len(tasks) * images, progress) as advance:
        if workers <= 1 or len(tasks) * images < FEWEST_IMAGES_FOR_A_POOL:
            for task in tasks:
                render(task)
                advance(images)
            return
        render(tasks[0])  # compiles the kernels into the cache that every worker then loads
        advance(images)
        context = multiprocessing.get_context("spawn")  # forking under threads can deadlock
        pool = ProcessPoolExecutor(workers, mp_context=context)
        try:
            for _ in pool.map(render, tasks[1:], chunksize=2):
                advance(images)
        finally:
            pool.shutdown(cancel_futures=True)  # an interrupted call must not finish the queue


def render_place(root: Path, spec: WorldSpec, task: PlaceTask) -> None:
    """Write the images of a place that do not exist yet."""
    campus = _campus(spec, task.plan)
    index = task.plan.index
    if not (root / task.satellite).exists():
        tile = render_satellite(campus, task.place, spec.tile_m, spec.image_size)
        save_image(tile, root / task.satellite, JPEG_QUALITY)
    for view in range(spec.views):
        path = root / task.drone(view)
        if not path.exists():
            save_image(render_drone(spec, campus, index, task.place, view), path, JPEG_QUALITY)


@lru_cache(maxsize=1)  # tasks come campus by campus
def _campus(spec: WorldSpec, plan: CampusPlan) -> Campus:
    return make_campus(spec, plan)


@contextmanager
def _progress_bar(total: int, shown: bool) -> Iterator["partial[None]"]:
    columns = (
        TextColumn("CampusWorld"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("images"),
        TimeRemainingColumn(),
    )
    console = Console()
    if shown and total:
        console.print(f"rendering {total} images of CampusWorld")
    disabled = not (shown and total and console.is_terminal)
    with Progress(*columns, disable=disabled, transient=True, console=console) as bar:
        yield partial(bar.advance, bar.add_task("render", total=total))
