"""Reading text tables of image rows, so that every complaint names its file and line."""

import csv
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from geoloc.errors import DatasetNotFoundError, IndexFormatError
from geoloc.geo import geodesic_distance
from geoloc.geo.coordinates import coordinate_fault
from geoloc.inner_paths import path_fault

Record = dict[str, str]

LABEL_PREFIX = "label_"
ALSO_PREFIX = "also_"
CAMERA_COLUMNS = ("camera_lat", "camera_lon")

LONGEST = 600  # characters of a reason

_WORD = re.compile(r"\S+")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")  # 18 digits fit int64


def read_table(
    file: Path, columns: Sequence[str], *, delimiter: str, exact: bool, more: tuple[str, ...] = ()
) -> Iterator[tuple[int, Record]]:
    """Yield (line number, record) for every line after the header; blank lines are skipped.

    Args:
        file: UTF-8 text file.
        columns: Names that the header must hold.
        delimiter: One character between fields; fields may be quoted as in CSV.
        exact: The header must be ``columns`` in that order; otherwise more may stand beside them.
        more: Beginnings of the names of columns that may follow all the same.

    Raises:
        DatasetNotFoundError: If there is no such file.
        IndexFormatError: For a header or a line that does not fit, as ``file:line: reason``.
    """
    if not file.is_file():
        raise DatasetNotFoundError(f"there is no file {file}")
    line = 1
    try:
        with open(file, encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, delimiter=delimiter, strict=True)
            header = next(reader, [])
            fixed = [name for name in header if not name.startswith(more)]
            _check_header(file, fixed, columns, delimiter, exact)
            if exact and header[: len(columns)] != list(columns):
                fail(file, 1, f"columns {', '.join(more)}... stand after {columns[-1]!r}")
            repeated = [name for name in header if header.count(name) > 1]
            if repeated:
                fail(file, 1, f"column {repeated[0]!r} appears twice")
            for fields in reader:
                line = reader.line_num
                if not fields:
                    continue
                if len(fields) != len(header):
                    fail(file, line, f"{len(fields)} fields where the header has {len(header)}")
                yield line, dict(zip(header, fields, strict=True))
    except csv.Error as error:
        fail(file, line + 1, f"not a table of {delimiter!r}-separated fields: {error}")
    except UnicodeDecodeError as error:
        fail(file, line + 1, f"not UTF-8 text: {error}")


def read_lines(file: Path) -> list[str]:
    """Return the lines of a text file that is no table.

    Raises:
        IndexFormatError: If it is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        fail(file, 1 + error.object[: error.start].count(b"\n"), f"not UTF-8 text: {error}")


def _check_header(
    file: Path, header: list[str], columns: Sequence[str], delimiter: str, exact: bool
) -> None:
    wanted = f"the header must be {delimiter.join(columns)!r}"
    if not exact:
        wanted = f"the header must name the columns {', '.join(columns)}"
    missing = [name for name in columns if name not in header]
    unknown = [name for name in header if name not in columns]
    repeated = [name for name in columns if header.count(name) > 1]
    if missing:
        fail(file, 1, f"column {missing[0]!r} is missing; {wanted}")
    if repeated:
        fail(file, 1, f"column {repeated[0]!r} appears twice; {wanted}")
    if exact and unknown:
        fail(file, 1, f"unknown column {unknown[0]!r}; {wanted}")
    if exact and header != list(columns):
        fail(file, 1, f"the columns are in the order {delimiter.join(header)!r}; {wanted}")


class RowCollector:
    """Index rows in the making, each with the file and line it comes from.

    Args:
        name: File that is to blame if there are no rows at all.
    """

    def __init__(self, name: str | Path) -> None:
        self.name = name
        self._sources: list[tuple[Path, int]] = []
        self._rows: list[tuple[str, str, int, float, float, str]] = []
        self._labels: list[dict[str, int]] = []
        self._also: list[list[int]] = []
        self._cameras: list[list[float]] = []

    def add(self, file: Path, line: int, record: Record) -> None:
        """Parse one record with the fields ``path, view, place, lat, lon, split``.

        ``label_<name>``, ``also_<k>`` and ``camera_lat, camera_lon`` may stand beside them, in
        all records.

        Raises:
            IndexFormatError: For a field that is no number, no word, or a path out of the root.
        """
        path, place = record["path"], record["place"]
        if fault := path_fault(path):
            fail(file, line, fault)
        for name in ("view", "split"):
            if not _WORD.fullmatch(record[name]):
                fail(file, line, f"{name} {record[name]!r} must be one word")
        if not _INTEGER.fullmatch(place):
            fail(file, line, f"place {place!r} must be a whole number")
        lat, lon = (_degrees(file, line, name, record[name]) for name in ("lat", "lon"))
        self._labels.append(_whole_numbers(file, line, record, LABEL_PREFIX))
        self._also.append(list(_whole_numbers(file, line, record, ALSO_PREFIX).values()))
        camera = [name for name in CAMERA_COLUMNS if name in record]
        self._cameras.append([_degrees(file, line, name, record[name]) for name in camera])
        self._sources.append((file, line))
        self._rows.append((path, record["view"], int(place), lat, lon, record["split"]))

    def columns(self, same_place_m: float = 0.0) -> dict[str, Any]:
        """Return the checked columns by name.

        Args:
            same_place_m: Rows of one place may lie this far from its first row in metres; all
                take the position of the first.

        Raises:
            IndexFormatError: For a position that is none, a repeated path, or a place with two
                positions, at the first line concerned.
        """
        if not self._rows:
            raise IndexFormatError(f"{self.name}:1: there are no rows below the header")
        path, view, place, lat, lon, split = zip(*self._rows, strict=True)
        latlon = np.array([lat, lon], dtype=np.float64).T
        self._check_paths(path)
        places = np.array(place, dtype=np.int64)
        if not np.isnan(latlon).all():
            fault = coordinate_fault(latlon)
            if fault is not None:
                self.fail(*fault)
            latlon = self._one_position(places, latlon, same_place_m)
        return {
            "path": np.array(path),
            "view": np.array(view),
            "place": places,
            "lat": latlon[:, 0],
            "lon": latlon[:, 1],
            "split": np.array(split),
            "labels": self._label_columns(places),
            "label_names": tuple(self._labels[0]),
            "also_shows": np.array(self._also, dtype=np.int64),
            "camera_latlon": self._camera_columns(),
        }

    def _camera_columns(self) -> NDArray[np.float64]:
        latlon = np.array(self._cameras, dtype=np.float64)
        if latlon.shape[1] == 1:
            self.fail(0, f"{' and '.join(CAMERA_COLUMNS)} need each other")
        if latlon.size and (fault := coordinate_fault(latlon)):
            self.fail(*fault)
        return latlon

    def _label_columns(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the labels int64 ``[n, K]``, the same for all rows of a place."""
        table = np.array([list(row.values()) for row in self._labels], dtype=np.int64)
        _, first, of_place = np.unique(places, return_index=True, return_inverse=True)
        table = table.reshape(len(places), len(self._labels[0]))
        for row, column in np.argwhere(table != table[first[of_place]])[:1].tolist():
            name = LABEL_PREFIX + list(self._labels[0])[column]
            self.fail(
                row,
                f"place {places[row]} has {name} {table[row, column]} here and another in "
                f"{self._source(int(first[of_place[row]]))}; a place has one label",
            )
        return table

    def _check_paths(self, paths: Sequence[str]) -> None:
        first: dict[str, int] = {}
        for row, path in enumerate(paths):
            earlier = first.setdefault(path, row)
            if earlier != row:
                self.fail(row, f"path {path!r} is already in {self._source(earlier)}")

    def _one_position(
        self, places: NDArray[np.int64], latlon: NDArray[np.float64], same_place_m: float
    ) -> NDArray[np.float64]:
        """Return the position of every row's place, which is that of its first row."""
        _, first, labels = np.unique(places, return_index=True, return_inverse=True)
        rows, earlier = np.arange(len(places)), first[labels]
        moved = rows[(latlon != latlon[earlier]).any(axis=1)]
        for row in moved[_apart_m(latlon[moved], latlon[earlier[moved]]) > same_place_m][:1]:
            here, there = (tuple(latlon[at].tolist()) for at in (row, earlier[row]))
            self.fail(
                row,
                f"place {places[row]} is at {here} here and at {there} in "
                f"{self._source(earlier[row])}; a place has one position",
            )
        return latlon[earlier]

    def _source(self, row: int) -> str:
        file, line = self._sources[row]
        return f"{file}:{line}"

    def fail(self, row: int, reason: str) -> NoReturn:
        """Raise the complaint about a collected row."""
        fail(*self._sources[row], reason)


def _whole_numbers(file: Path, line: int, record: Record, prefix: str) -> dict[str, int]:
    """Return the fields of a record whose names begin with ``prefix``, by the rest of the name."""
    texts = {name: text for name, text in record.items() if name.startswith(prefix)}
    for name, text in texts.items():
        if not _INTEGER.fullmatch(text):
            fail(file, line, f"{name} {text!r} must be a whole number")
    return {name.removeprefix(prefix): int(text) for name, text in texts.items()}


def _apart_m(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance in metres of each row of ``a [K,2]`` from the same row of ``b``."""
    # the images of a place mostly repeat one position: each different pair is measured once
    pairs, which = np.unique(np.hstack([a, b]), axis=0, return_inverse=True)
    apart = [geodesic_distance(pair[None, :2], pair[None, 2:])[0, 0] for pair in pairs]
    return np.array(apart, dtype=np.float64)[which]


def _degrees(file: Path, line: int, name: str, text: str) -> float:
    if not text:
        return math.nan
    try:
        return float(text if "_" not in text else "")  # float() accepts 1_000
    except ValueError:
        fail(file, line, f"{name} {text!r} must be a number of degrees")


def fail(file: Path, line: int, reason: str) -> NoReturn:
    """Raise the complaint about one line of a file, without all of a field of a megabyte."""
    if len(reason) > LONGEST:
        reason = f"{reason[: LONGEST // 2]} ... {reason[-LONGEST // 2 :]}"
    raise IndexFormatError(f"{file}:{line}: {reason}")
