"""Test sets of geotagged photos: a folder of images and a table of their positions.

Im2GPS3k (2,997 photos), YFCC4k (4,536), YFCC26k (25,600) and the street views of GWS15k. The tables
are those that came with the code of ISNs (Müller-Budack et al., ECCV 2018) and that later work
shares, with the columns ``IMG_ID, AUTHOR, LAT, LON`` and, in some, more. Columns, names of files
and counts are recalled, so other names can be given, and counts are not insisted on.

::

    <root>/<table>.csv
    <root>/images/<IMG_ID>      subfolders are part of the id
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoloc.datasets.index import Index
from geoloc.datasets.osv5m import THRESHOLDS_M, VIEW
from geoloc.datasets.photo_table import PhotoTable, read_photo_table
from geoloc.datasets.source import Source
from geoloc.errors import DatasetNotFoundError
from geoloc.inner_paths import path_fault
from geoloc.registry import DATASETS


@DATASETS.register_module()
class PhotoFolder(Source):
    """Photos in a folder and a table of their positions.

    Every photo is a place of its own, numbered by its row; the view is ``photo``.

    Args:
        data_root: Folder of the dataset.
        table: CSV file below it.
        images: Folder of the images below it.
        id_column: Column with the path of the photo below ``images``.
        lat_column: Column with its latitude in degrees.
        lon_column: Column with its longitude in degrees.
        suffix: Added to the ids, for tables that leave out ``.jpg``.
        split: Name of the split that the photos make.
        thresholds_m: Bounds of the relevance levels in metres, nearest first.

    Raises:
        DatasetNotFoundError: If there is no such table.
        IndexFormatError: At the first line that cannot be used, as ``file:line: reason``.
        DatasetError: If images are missing.
    """

    name = "photos"

    def __init__(
        self,
        data_root: str | Path,
        table: str,
        images: str = "images",
        id_column: str = "IMG_ID",
        lat_column: str = "LAT",
        lon_column: str = "LON",
        suffix: str = "",
        split: str = "test",
        thresholds_m: Sequence[float] = THRESHOLDS_M,
    ) -> None:
        root = Path(data_root)
        if not (root / table).is_file():
            raise DatasetNotFoundError(
                f"{self.name} is not in {root}: there is no {root / table}; put the table there "
                f"and the photos into {root / images}, or name others with table= and images="
            )
        rows = read_photo_table(root / table, id_column, lat_column, lon_column)
        path = _paths(rows, f"{images}/", suffix)
        place = np.arange(1, len(path) + 1)
        views, splits = np.full(len(path), VIEW), np.full(len(path), split)
        index = Index(path, views, place, rows.latlon[:, 0], rows.latlon[:, 1], splits, root)
        super().__init__(self.name, index, thresholds_m)


def _paths(table: PhotoTable, prefix: str, suffix: str) -> NDArray[np.str_]:
    """Return the files of the photos below the root; refuse ids that name none, or one twice."""
    first: dict[str, int] = {}
    for row, name in enumerate(table.name.tolist()):
        if fault := path_fault(name, prefix):
            table.fail(row, fault)
        if first.setdefault(name, row) != row:
            table.fail(row, f"id {name!r} is already in line {table.line(first[name])}")
    return np.array([f"{prefix}{name}{suffix}" for name in first])


@DATASETS.register_module()
class Im2GPS3k(PhotoFolder):
    """Im2GPS3k (Vo et al., ICCV 2017): 2,997 photos of Flickr; arguments as ``PhotoFolder``."""

    name = "Im2GPS3k"

    def __init__(
        self, data_root: str | Path, table: str = "im2gps3k_places365.csv", **options: Any
    ) -> None:
        super().__init__(data_root, table, **options)


@DATASETS.register_module()
class YFCC4k(PhotoFolder):
    """YFCC4k (Vo et al., ICCV 2017): 4,536 photos of Flickr; arguments as ``PhotoFolder``."""

    name = "YFCC4k"

    def __init__(
        self, data_root: str | Path, table: str = "yfcc4k_places365.csv", **options: Any
    ) -> None:
        super().__init__(data_root, table, **options)


@DATASETS.register_module()
class YFCC26k(PhotoFolder):
    """YFCC26k (Theiner et al., WACV 2022): 25,600 photos; arguments as ``PhotoFolder``."""

    name = "YFCC26k"

    def __init__(
        self, data_root: str | Path, table: str = "yfcc25600_places365.csv", **options: Any
    ) -> None:
        super().__init__(data_root, table, **options)
