"""Reading CSV tables of geotagged photos, millions of rows at a time.

Columns are taken out of blocks of rows by C code. Lines are not counted on the way: only when a row
cannot be used, the file is read once more to tell where it is.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import count, islice
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from geoloc.datasets.table import fail, read_table
from geoloc.errors import DatasetNotFoundError

ROWS_PER_BLOCK = 50_000
Floats = NDArray[np.float64]


class PhotoTable(NamedTuple):
    """The rows of a table.

    Attributes:
        file: Where it was read.
        name: What the id column says, str ``[n]``; empty strings without such a column.
        latlon: (lat, lon) in degrees, normalised, float64 ``[n, 2]``.
        code: For every text column the position of each row's text in ``text``, int64 ``[n, K]``.
        text: The different texts of every text column.
        text_columns: Names of these columns.
    """

    file: Path
    name: NDArray[np.str_]
    latlon: Floats
    code: NDArray[np.int64]
    text: tuple[tuple[str, ...], ...]
    text_columns: tuple[str, ...]

    def line(self, row: int) -> int:
        """Return the line of a row in the file, which this reads again."""
        return _line(self.file, row)

    def fail(self, row: int, reason: str) -> NoReturn:
        """Raise the complaint about a row."""
        fail(self.file, self.line(row), reason)


def read_photo_table(
    path: str | Path,
    id_column: str | None,
    lat_column: str = "LAT",
    lon_column: str = "LON",
    text_columns: Sequence[str] = (),
) -> PhotoTable:
    """Read a UTF-8 CSV file with a header; further columns may stand in it.

    Args:
        path: The file.
        id_column: Names the photo; None for a table of positions.
        lat_column: Latitude in degrees.
        lon_column: Longitude in degrees.
        text_columns: Columns of few different texts, kept where the table has them.

    Raises:
        DatasetNotFoundError: If there is no such file.
        IndexFormatError: At the first line that cannot be used, as ``file:line: reason``.
    """
    file = Path(path)
    needed = [*([] if id_column is None else [id_column]), lat_column, lon_column]
    header = _header(file)
    for name in needed:
        if name not in header:
            fail(file, 1, f"column {name!r} is missing; the header must name {', '.join(needed)}")
    kept = [name for name in text_columns if name in header]
    numbering = [defaultdict[str, int](count().__next__) for _ in kept]
    names, positions, codes = [], [], []
    start = 0
    for rows in _blocks(file, len(header)):
        lat, lon = (_column(rows, header.index(name)) for name in (lat_column, lon_column))
        positions.append(_degrees(file, start, lat, lon))
        own = [""] * len(rows) if id_column is None else _column(rows, header.index(id_column))
        names.append(np.array(own, dtype=np.str_))
        block = [
            list(map(numbers.__getitem__, _column(rows, header.index(name))))
            for name, numbers in zip(kept, numbering, strict=True)
        ]
        codes.append(np.array(block, dtype=np.int64).reshape(len(kept), len(rows)).T)
        start += len(rows)
    if not start:
        fail(file, 1, "there are no rows below the header")
    text = tuple(tuple(numbers) for numbers in numbering)
    return PhotoTable(
        file,
        np.concatenate(names),
        normalise_degrees(np.concatenate(positions)),
        np.concatenate(codes),
        text,
        tuple(kept),
    )


def normalise_degrees(latlon: Floats) -> Floats:
    """Return positions on Earth, the same to the last bit where they are already.

    Latitudes beyond a pole go down on the other side, longitudes come into [-180, 180) (known:
    official code of OSV5M).

    Args:
        latlon: Finite (lat, lon) ``[n, 2]`` in degrees.
    """
    lat, lon = latlon.T
    outside = (np.abs(lat) > 90) | (lon < -180) | (lon >= 180)
    lat, lon = (lat[outside] + 90) % 360 - 90, lon[outside]
    beyond = lat > 90
    lat, lon = np.where(beyond, 180 - lat, lat), np.where(beyond, lon + 180, lon)
    normal = latlon.copy()
    normal[outside] = np.stack([lat, (lon + 180) % 360 - 180], axis=1)
    return normal


def _header(file: Path) -> list[str]:
    if not file.is_file():
        raise DatasetNotFoundError(f"there is no file {file}")
    with open(file, encoding="utf-8-sig", newline="") as stream:
        try:
            return next(csv.reader(stream, strict=True), [])
        except (csv.Error, UnicodeDecodeError) as error:
            fail(file, 1, f"not a table of ','-separated fields: {error}")


def _blocks(file: Path, width: int) -> Iterator[list[list[str]]]:
    with open(file, encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        next(reader)
        filled = filter(None, reader)  # blank lines are no rows
        while True:
            try:
                rows = list(islice(filled, ROWS_PER_BLOCK))
            except (csv.Error, UnicodeDecodeError):
                _blame(file)
            if not rows:
                return
            if set(map(len, rows)) != {width}:
                _blame(file)
            yield rows


def _column(rows: list[list[str]], position: int) -> list[str]:
    return list(map(itemgetter(position), rows))


def _degrees(file: Path, start: int, lat: list[str], lon: list[str]) -> Floats:
    """Return a block's positions ``[n, 2]``; finite, but possibly around the globe once more."""
    try:
        latlon = np.array([lat, lon], dtype=np.float64).T
        wrong = np.flatnonzero(~np.isfinite(latlon).all(axis=1))[:1]
    except ValueError:
        wrong = np.array([k for k in range(len(lat)) if not _is_number(lat[k], lon[k])][:1])
    for row in wrong.tolist():
        reason = f"{lat[row]!r}, {lon[row]!r} must be a position in degrees"
        fail(file, _line(file, start + row), reason)
    return latlon


def _is_number(*texts: str) -> bool:
    try:
        np.array(texts, dtype=np.float64)
    except ValueError:
        return False
    return True


def _line(file: Path, row: int) -> int:
    table = read_table(file, (), delimiter=",", exact=False)
    return next(islice(table, row, None))[0]


def _blame(file: Path) -> NoReturn:
    """Read line by line, up to the one that is no row of the table."""
    for _ in read_table(file, (), delimiter=",", exact=False):
        pass
    raise AssertionError(f"{file} changed while it was read")
