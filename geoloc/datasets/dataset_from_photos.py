"""A folder of photos that know where they were taken, as a dataset."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geoloc.datasets.index import Index
from geoloc.datasets.photo_files import photo_files
from geoloc.datasets.photo_positions import PhotoPositions, Position
from geoloc.datasets.source import Source
from geoloc.errors import (
    ConfigError,
    CoordinateError,
    DatasetError,
    DatasetNotFoundError,
    ImageError,
)
from geoloc.geo.relevance import DA_CAMPUS_THRESHOLDS_M
from geoloc.registry import DATASETS

SAME_POSITION_DEGREES = 7  # digits: about a centimetre


@DATASETS.register_module()
class DatasetFromPhotos(Source):
    """Anybody's photos, one subfolder per view, to evaluate on.

    ::

        <data_root>/drone/**/*.jpg      a subfolder's name is the view of all photos below it
        <data_root>/satellite/**/*.png
        <data_root>/positions.csv       path,lat,lon of photos without GPS tags (optional)

    Positions are looked up in ``positions.csv``, in names (``@easting@northing@...``) and in EXIF,
    in that order.

    Args:
        data_root: Folder of the photos.
        places: What a place is: ``position``, photos of exactly one position; or ``folder``, the
            photos of subfolders of one name, ``<view>/<place>/*``, at the mean of their positions.
        views: Subfolders to take; by default all.
        split: Name of the split that all photos are in.
        thresholds_m: Bounds of the relevance levels in metres, nearest first.
        unusable: ``refuse`` files that are no photo or have no position, or ``skip`` them.

    Attributes:
        skipped: The files that were left out, and why.

    Raises:
        ConfigError: If an argument cannot work.
        DatasetNotFoundError: If the folder or a view is not there.
        DatasetError: If a file is unusable and not to be skipped, or there is no photo.
    """

    def __init__(
        self,
        data_root: str | Path,
        places: Literal["position", "folder"] = "position",
        views: Sequence[str] | None = None,
        split: str = "test",
        thresholds_m: Sequence[float] = DA_CAMPUS_THRESHOLDS_M,
        unusable: Literal["refuse", "skip"] = "refuse",
    ) -> None:
        if places not in ("position", "folder"):
            raise ConfigError(f"DatasetFromPhotos places={places!r} must be 'position' or 'folder'")
        if unusable not in ("refuse", "skip"):
            raise ConfigError(f"DatasetFromPhotos unusable={unusable!r} must be 'refuse' or 'skip'")
        root = Path(data_root)
        located, self.skipped = locate_photos(root, _views(root, views))
        if self.skipped and unusable == "refuse":
            file, reason = next(iter(self.skipped.items()))
            raise DatasetError(
                f"{len(self.skipped)} files in {root} are no photos with a position, the first is "
                f"{file}: {reason}; remove them, list positions in positions.csv, or set "
                "unusable='skip'"
            )
        if not located:
            raise DatasetError(f"{root} has no photo with a position in a folder per view")
        index = _index(root, located, split, by_folder=places == "folder")
        super().__init__(root.resolve().name, index, thresholds_m)


def locate_photos(root: Path, views: Sequence[str]) -> tuple[dict[str, Position], dict[Path, str]]:
    """Return the positions of the photos of some views, and why the other files have none.

    Args:
        root: Folder of the views.
        views: Subfolders.

    Returns:
        (lat, lon) in degrees by path relative to ``root``; reasons by file.
    """
    table = PhotoPositions(root)
    files, unusable = photo_files([root / view for view in views])
    located: dict[str, Position] = {}
    for file in files:
        try:
            position = table.of(file)
        except (CoordinateError, ImageError) as error:
            unusable[file] = str(error)
            continue
        if position is None:
            unusable[file] = "neither positions.csv nor its name nor EXIF gives a position"
        else:
            located[file.relative_to(root).as_posix()] = position
    return located, unusable


def _views(root: Path, views: Sequence[str] | None) -> list[str]:
    if not root.is_dir():
        raise DatasetNotFoundError(f"there is no folder {root}")
    found = sorted(folder.name for folder in root.iterdir() if folder.is_dir())
    chosen = found if views is None else list(views)
    if not chosen or (missing := [view for view in chosen if view not in found]):
        wanted = missing[0] if chosen else "<view>"
        raise DatasetNotFoundError(
            f"{root} has no subfolder {wanted!r} with the photos of a view, it has "
            f"{', '.join(found) or 'none'}"
        )
    return chosen


def _index(root: Path, located: dict[str, Position], split: str, by_folder: bool) -> Index:
    paths = np.array(list(located))
    camera = np.array(list(located.values()), dtype=np.float64)
    names = [path.split("/") for path in located]
    if by_folder:
        if lone := [path for path, parts in zip(located, names, strict=True) if len(parts) < 3]:
            raise DatasetError(
                f"{root / lone[0]} is in no folder of a place; put it into <view>/<place>/, or set "
                "places='position'"
            )
        _, place = np.unique([parts[1] for parts in names], return_inverse=True)
    else:
        rounded = camera.round(SAME_POSITION_DEGREES)
        _, place = np.unique(rounded, axis=0, return_inverse=True)
    place = place.reshape(-1)
    lat, lon = _place_centres(camera, place).T
    view = np.array([parts[0] for parts in names])
    splits = np.full(len(paths), split)
    return Index(paths, view, place, lat, lon, splits, root, camera_latlon=camera)


def _place_centres(latlon: NDArray[np.float64], place: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return for every photo the mean position of its place, ``[n, 2]``.

    Longitudes are averaged as differences from the place's first, so that the date line is none.
    """
    _, first = np.unique(place, return_index=True)
    start = latlon[first][place]
    away = latlon - start
    away[:, 1] = _wrapped(away[:, 1])
    count = np.bincount(place)
    mean = np.stack([np.bincount(place, column) / count for column in away.T], axis=1)
    centre: NDArray[np.float64] = start + mean[place]
    beyond = np.abs(centre[:, 1]) > 180
    centre[beyond, 1] = _wrapped(centre[beyond, 1])
    return centre


def _wrapped(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    return (degrees + 180) % 360 - 180
