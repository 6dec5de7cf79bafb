"""Polar-transformed tiles on disk, computed once instead of in every epoch."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from geoloc.datasets.index import Index
from geoloc.datasets.polar_transform import PolarTransform
from geoloc.datasets.transforms import LoadImage
from geoloc.errors import DatasetError, ImageError
from geoloc.image_files import open_image
from geoloc.whole_files import whole_path

Scale = tuple[int, int]


class PolarMap(NamedTuple):
    """A tile and its polar transform.

    Attributes:
        tile: The satellite image.
        polar: The PNG file to write.
    """

    tile: Path
    polar: Path


def maps_of(index: Index, polar_path: Callable[[str], str]) -> list[PolarMap]:
    """Return the satellite images of an index with the files of their transforms.

    Args:
        index: Of a dataset, with the tiles themselves.
        polar_path: The dataset's rule, from a tile to its transform, both below the root.
    """
    tiles = dict.fromkeys(index.select(view="satellite").path.tolist())
    return [PolarMap(index.root / tile, index.root / polar_path(tile)) for tile in tiles]


def write_polar_maps(maps: Sequence[PolarMap], scale: Scale, workers: int | None = None) -> int:
    """Transform all tiles that are not transformed yet.

    The pixels are those of ``LoadImage`` and ``PolarTransform(scale)``. Every file is written in
    one step, so that an interrupted call is resumed by repeating it.

    Args:
        maps: The files.
        scale: Height and width in pixels.
        workers: Processes; None takes one for each available core.

    Returns:
        How many files were written.

    Raises:
        ImageError: If a tile is missing, broken or not square; the message names it.
        DatasetError: If a file of another size is there.
        ConfigError: If ``scale`` is not positive.
    """
    write = partial(write_polar_map, PolarTransform(scale))
    count = min(workers or os.cpu_count() or 1, max(1, len(maps)))
    if count == 1:
        return sum(map(write, maps))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        try:
            return sum(pool.map(write, maps, chunksize=16))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def write_polar_map(transform: PolarTransform, files: PolarMap) -> bool:
    """Transform one tile, unless its file is there; return whether it was written.

    Raises:
        ImageError: If the tile is missing, broken or not square.
        DatasetError: If a file of another size is there.
    """
    height, width = transform.scale
    if files.polar.is_file():
        if (found := _size(files.polar)) != (width, height):
            raise DatasetError(
                f"{files.polar} has {found[0]} x {found[1]} pixels instead of {width} x {height}; "
                "delete the folder or ask for the scale that it has"
            )
        return False
    try:
        sample = transform.transform(LoadImage().transform({"img_path": str(files.tile)}))
    except ImageError as error:
        place = "" if str(files.tile) in str(error) else f"{files.tile}: "
        raise ImageError(f"{place}{error}") from error
    with whole_path(files.polar) as part:
        Image.fromarray(sample["img"]).save(part, format="PNG")
    return True


def _size(file: Path) -> tuple[int, int]:
    try:
        with open_image(file) as image:
            return image.size
    except OSError as error:
        raise ImageError(f"image {file} cannot be read ({error}); delete it") from error
