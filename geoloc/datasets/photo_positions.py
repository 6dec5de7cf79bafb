"""Where photos say they were taken: by a table, by their names, or by EXIF."""

import os
from pathlib import Path

import numpy as np

from geoloc.datasets.photo_files import POSITIONS_FILE
from geoloc.datasets.table import fail, read_table
from geoloc.geo.coordinates import coordinate_fault
from geoloc.geo.exif_gps import read_exif_position
from geoloc.geo.utm_names import position_of_name
from geoloc.inner_paths import path_fault

COLUMNS = ("path", "lat", "lon")

Position = tuple[float, float]


class PhotoPositions:
    """Look up the position of a photo: in the table, else in its name, else in its EXIF block.

    Args:
        root: Folder that the table's paths are relative to.
        table: CSV file with the columns ``path,lat,lon`` and maybe others; by default
            ``positions.csv`` in ``root``, if it is there.

    Raises:
        DatasetNotFoundError: If there is no such table.
        IndexFormatError: At the first line that cannot be used, as ``file:line: reason``.
    """

    def __init__(self, root: str | Path, table: str | Path | None = None) -> None:
        self.root = Path(root)
        if table is None and (self.root / POSITIONS_FILE).is_file():
            table = self.root / POSITIONS_FILE
        self._listed = {} if table is None else read_positions(Path(table))

    def of(self, photo: Path) -> Position | None:
        """Return the (lat, lon) in degrees of a photo, or None if nothing tells it.

        Raises:
            CoordinateError: If its name or EXIF block gives a position that is none.
            ImageError: If it is no image, and neither table nor name tell its position.
        """
        relative = Path(os.path.relpath(photo, self.root)).as_posix()
        if (listed := self._listed.get(relative)) is not None:
            return listed
        if (named := position_of_name(photo)) is not None:
            return named
        exif = read_exif_position(photo)
        return None if exif is None else (exif.lat, exif.lon)


def read_positions(file: Path) -> dict[str, Position]:
    """Read a table of positions.

    Args:
        file: UTF-8 CSV file whose header names ``path``, ``lat`` and ``lon``.

    Returns:
        (lat, lon) in degrees by path.

    Raises:
        DatasetNotFoundError: If there is no such file.
        IndexFormatError: At the first line that cannot be used, as ``file:line: reason``.
    """
    positions: dict[str, Position] = {}
    for line, record in read_table(file, COLUMNS, delimiter=",", exact=False):
        path = record["path"]
        if fault := path_fault(path, "the photos' folder"):
            fail(file, line, fault)
        if path in positions:
            fail(file, line, f"path {path!r} appears twice")
        try:
            position = (float(record["lat"]), float(record["lon"]))
        except ValueError:
            fail(file, line, f"lat {record['lat']!r}, lon {record['lon']!r} must be degrees")
        if nowhere := coordinate_fault(np.array([position])):
            fail(file, line, nowhere[1])
        positions[Path(path).as_posix()] = position
    return positions
