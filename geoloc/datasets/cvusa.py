"""CVUSA: street panoramas and satellite tiles across the United States.

(Workman et al., ICCV 2015; the pairs of Zhai et al., CVPR 2017)

::

    <root>/splits/train-19zl.csv, val-19zl.csv   satellite,panorama,annotation; no header
    <root>/bingmap/19/<id>.jpg                   satellite tiles, 750 x 750 px, north up
    <root>/streetview/panos/<id>.jpg             panoramas, 1232 x 224 px, north in the centre
    <root>/polarmap/19/<id>.png                  polar-transformed tiles, optional
    <root>/split_locations/all.csv               positions, line i for id i, optional
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geoloc.datasets.index import Index
from geoloc.datasets.source import Source
from geoloc.datasets.table import RowCollector, fail, read_lines
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError
from geoloc.registry import DATASETS

PROJECT_PAGE = "https://mvrl.cse.wustl.edu/datasets/cvusa/"
FILES = {"train": "splits/train-19zl.csv", "val": "splits/val-19zl.csv"}
OFFICIAL_COUNTS = {"train": 35532, "val": 8884}
LOCATIONS = "split_locations/all.csv"
_ID = re.compile(r"[0-9]{1,9}")


@DATASETS.register_module()
class CVUSA(Source):
    """The CVUSA dataset, or anything else in its layout.

    Splits are ``train`` and ``val``, views ``street`` and ``satellite``. Every panorama has one
    tile: they are of the same place (level 1), all others are not (level 0). Positions, where
    ``split_locations/all.csv`` is there, are the tiles'; samplers of near places use them.

    Args:
        data_root: Folder that holds ``splits/``.
        polar: Take the satellite images from ``polarmap/``, transformed beforehand, instead of
            ``bingmap/``.
        counts: ``official`` insists on the published numbers of pairs; None accepts any.

    Raises:
        DatasetNotFoundError: If the dataset is not there; the message tells how to get it.
        IndexFormatError: At the first line that cannot be used, as ``file:line: reason``.
        DatasetError: If images are missing, an id is in both splits, or the counts differ from
            the published ones.
    """

    def __init__(
        self,
        data_root: str | Path,
        polar: bool = False,
        counts: Literal["official"] | None = "official",
    ) -> None:
        if counts not in ("official", None):
            raise ConfigError(f"CVUSA counts={counts!r} must be 'official' or None")
        index = read_cvusa(Path(data_root), polar)
        for split, expected in OFFICIAL_COUNTS.items() if counts else ():
            found = len(index.select(split=split).places)
            if found != expected:
                raise DatasetError(
                    f"{data_root}: {split} has {found} pairs where CVUSA has {expected}; pass "
                    "counts=None to use the data as it is"
                )
        super().__init__("CVUSA", index, thresholds_m=())


def read_cvusa(root: Path, polar: bool) -> Index:
    """Read both lists of pairs; errors as :class:`CVUSA`."""
    rows = RowCollector(root)
    positions = _positions(root / LOCATIONS)
    first: dict[int, str] = {}
    for split, name in FILES.items():
        if not (root / name).is_file():
            raise DatasetNotFoundError(_how_to_get(root, root / name))
        for line, (tile, panorama) in _pairs(root / name):
            place = int(Path(tile).stem)
            if place in first:
                fail(root / name, line, f"id {place} is already in {first[place]}")
            first[place] = f"{name}:{line}"
            if positions is None:
                lat = lon = ""
            elif 1 <= place <= len(positions):
                lat, lon = map(repr, positions[place - 1].tolist())
            else:
                fail(root / name, line, f"id {place} has no line in {LOCATIONS}")
            if polar:
                tile = polar_path(tile)
            for view, path in (("street", panorama), ("satellite", tile)):
                rows.add(
                    root / name,
                    line,
                    {
                        "path": path,
                        "view": view,
                        "place": str(place),
                        "lat": lat,
                        "lon": lon,
                        "split": split,
                    },
                )
    return Index(**rows.columns(), root=root)


def polar_path(tile: str) -> str:
    """Return the file of a tile's polar transform, both below the root."""
    return tile.replace("bing", "polar", 1).removesuffix(".jpg") + ".png"


def _pairs(file: Path) -> Iterator[tuple[int, tuple[str, str]]]:
    """Yield the line number, the tile and the panorama of every pair."""
    for line, fields in _rows(file):
        if not fields:
            continue
        if len(fields) < 2:
            fail(file, line, f"{len(fields)} fields; a line names a tile and a panorama")
        tile, panorama = fields[0].strip(), fields[1].strip()
        stems = [Path(path).stem for path in (tile, panorama)]
        if not _ID.fullmatch(stems[0]) or stems[0] != stems[1]:
            fail(file, line, f"{tile!r} and {panorama!r} must be named by one id")
        yield line, (tile, panorama)


def _positions(file: Path) -> NDArray[np.float64] | None:
    """Return the tiles' (lat, lon) in degrees ``[n, 2]``; None without the file."""
    if not file.is_file():
        return None
    positions = []
    for line, fields in _rows(file):
        try:
            positions.append((float(fields[0]), float(fields[1])))
        except (ValueError, IndexError):
            fail(file, line, "a line must begin with the tile's lat,lon in degrees")
    return np.array(positions, dtype=np.float64).reshape(-1, 2)


def _rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the fields of every line."""
    reader = csv.reader(read_lines(file))
    try:
        for fields in reader:
            yield reader.line_num, fields
    except csv.Error as error:
        fail(file, reader.line_num + 1, f"not a table of ','-separated fields: {error}")


def _how_to_get(root: Path, absent: Path) -> str:
    return f"""CVUSA is not in {root}: there is no {absent}.
Request it as {PROJECT_PAGE} says and unpack it so that the folder reads
  {root}/
    splits/train-19zl.csv  splits/val-19zl.csv
    bingmap/19/  streetview/panos/"""
