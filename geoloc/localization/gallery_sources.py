"""What galleries are made of: folders of photos, rasters, datasets."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from geoloc.datasets.index import Index
from geoloc.datasets.photo_files import photo_files
from geoloc.datasets.photo_positions import PhotoPositions, Position
from geoloc.errors import CoordinateError, DatasetError, GalleryError, ImageError
from geoloc.localization.answer import Unread
from geoloc.localization.describer import Describer
from geoloc.localization.gallery_rows import Rows, check_image_path, checked_rows
from geoloc.localization.raster_tiles import raster_tiles

Progress = Callable[[int, int], None]
"""Called with the number of images that are done, and of all."""

NO_POSITION = (
    "has no position: neither positions.csv nor its name nor GPS tags in its EXIF block give one"
)


def folder_rows(
    describer: Describer,
    folder: str | Path,
    view: str,
    unread: list[Unread],
    positions: str | Path | None = None,
    progress: Progress | None = None,
) -> Iterator[Rows]:
    """Describe the photos below a folder that know where they were taken.

    Args:
        describer: The model.
        folder: Root of the photos.
        view: The view that they show.
        unread: Gets every file that is left out, with the reason.
        positions: Table of positions; see ``PhotoPositions``.
        progress: Is told how far the work is.

    Raises:
        DatasetError: If there is no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DatasetError(f"there is no folder {root}")
    files, unusable = photo_files([root])
    unread += [Unread(file, reason) for file, reason in unusable.items()]
    table = PhotoPositions(root, positions)
    photos: list[Path] = []
    places: list[Position] = []
    for file in files:
        try:
            check_image_path(file.relative_to(root).as_posix())
            place = table.of(file)
        except (CoordinateError, ImageError, GalleryError) as error:
            unread.append(Unread(file, str(error)))
            continue
        if place is None:
            unread.append(Unread(file, NO_POSITION))
            continue
        photos.append(file)
        places.append(place)
    yield from _described(describer, root, photos, places, view, unread, progress)


def index_rows(
    describer: Describer,
    index: Index,
    view: str,
    unread: list[Unread],
    split: str | Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Iterator[Rows]:
    """Describe the images of one view of a dataset; arguments as for ``folder_rows``.

    Raises:
        DatasetError: If the dataset has no positions, or no such image.
    """
    part = index.select(split, view)
    if not len(part) or np.isnan(part.image_latlon).any():
        raise DatasetError(
            f"the dataset in {index.root} has {len(part)} images of view {view!r} in split "
            f"{split!r}{' without positions' if len(part) else ''}; a gallery needs images with "
            "positions"
        )
    photos = [part.file(row) for row in range(len(part))]
    places = [(lat, lon) for lat, lon in part.image_latlon.tolist()]
    yield from _described(describer, index.root, photos, places, view, unread, progress)


def raster_rows(
    describer: Describer,
    file: str | Path,
    view: str,
    ground_size_m: float,
    overlap: float = 0.0,
) -> Iterator[Rows]:
    """Describe the tiles of a GeoTIFF; see ``raster_tiles``."""
    tiles = raster_tiles(Path(file), ground_size_m, overlap)
    describer.check_view(view)
    while batch := list(islice(tiles, describer.batch_size)):
        images = [describer.pipelines.apply(view, tile.pixels) for tile in batch]
        yield checked_rows(
            describer.describe_images(images, view),
            [tile.latlon for tile in batch],
            [tile.name for tile in batch],
        )


def _described(
    describer: Describer,
    root: Path,
    photos: Sequence[Path],
    places: Sequence[Position],
    view: str,
    unread: list[Unread],
    progress: Progress | None,
) -> Iterator[Rows]:
    for numbers, descriptors, reasons in describer.describe(photos, view):
        unread += [Unread(photos[number], reason) for number, reason in reasons.items()]
        if numbers:
            yield checked_rows(
                descriptors,
                [places[number] for number in numbers],
                [photos[number].relative_to(root).as_posix() for number in numbers],
            )
        if progress is not None:
            progress(max([*numbers, *reasons]) + 1, len(photos))


def counted(unread: Iterable[Unread]) -> tuple[Unread, ...]:
    """Return each file once, in the order of the names."""
    return tuple(sorted(set(unread), key=lambda one: str(one.file)))
