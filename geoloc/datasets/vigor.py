"""VIGOR: street panoramas that stand anywhere in their satellite tiles, in four American cities.

(Zhu et al., VIGOR, CVPR 2021, arXiv 2011.12172)

::

    <root>/<City>/panorama/<prefix>,<lat>,<lon>,.jpg      1024 x 2048 px
    <root>/<City>/satellite/satellite_<lat>_<lon>.png     640 x 640 px, about 73 m, north up
    <root>/splits/<City>/satellite_list.txt               a tile per line
    <root>/splits/<City>/same_area_balanced_train.txt, same_area_balanced_test.txt
    <root>/splits/<City>/pano_label_balanced.txt

Tiles overlap by half, so that four of them show a panorama's position. A line of a label file names
the panorama and these four, the best first: ``panorama (tile d_row d_column) x 4``, separated by
spaces. The panorama stands in row 320 + d_row and column 320 - d_column of the tile.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from geoloc.datasets.index import Index
from geoloc.datasets.source import Source
from geoloc.datasets.table import fail, read_lines
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError
from geoloc.geo.coordinates import coordinate_fault
from geoloc.registry import DATASETS

PROJECT_PAGE = "https://github.com/Jeff-Zilence/VIGOR"
CITIES = ("NewYork", "Seattle", "SanFrancisco", "Chicago")
TILES, TILES_OF_A_LINE = "satellite_list.txt", 4
PLACES_OF_A_CITY = 1_000_000
# area: the cities and the label file of every split
AREAS: dict[str, dict[str, tuple[tuple[str, ...], str]]] = {
    "same": {
        "train": (CITIES, "same_area_balanced_train.txt"),
        "test": (CITIES, "same_area_balanced_test.txt"),
    },
    "cross": {
        "train": (CITIES[:2], "pano_label_balanced.txt"),
        "test": (CITIES[2:], "pano_label_balanced.txt"),
    },
}
# train and test panoramas; from general knowledge of the paper, not verified with the data
OFFICIAL_PANORAMAS = {"same": (52609, 52605), "cross": (51520, 53694)}
_TILE = re.compile(r"satellite_(-?[0-9.]+)_(-?[0-9.]+)\.png")
_PANORAMA = re.compile(r"[^\s/\\]+,(-?[0-9.]+),(-?[0-9.]+),\.jpg")

LatLon = tuple[float, float]


class Label(NamedTuple):
    """A line of a label file.

    Attributes:
        panorama: File name.
        latlon: Where it was taken, (lat, lon) in degrees.
        tiles: Places of the positive tile and of the three semi-positive ones.
    """

    panorama: str
    latlon: LatLon
    tiles: tuple[int, ...]


@DATASETS.register_module()
class VIGOR(Source):
    """The VIGOR dataset, or anything else in its layout.

    Splits are ``train`` and ``test``, views ``street`` and ``satellite``. A place is a tile and
    lies where the tile's centre does; a panorama has the place of its positive tile (level 1, any
    other: level 0), ``camera_latlon`` says where it was taken and ``also_shows`` which
    semi-positive tiles show that position, too. Semi-positives belong to the panorama and not to
    the place: two panoramas in one tile may have different ones.

    The tiles of ``train`` are those that are positive for a panorama. Those of ``test``, the
    gallery, are all tiles of its cities, in the same area the training's tiles among them.

    Args:
        data_root: Folder that holds the cities and ``splits/``.
        area: ``same``: train and test in all four cities; ``cross``: train in New York and
            Seattle, test in San Francisco and Chicago.
        counts: ``official`` insists on the published numbers of panoramas; None accepts any.

    Raises:
        DatasetNotFoundError: If the dataset is not there; the message tells how to get it.
        IndexFormatError: At the first line that cannot be used, as ``file:line: reason``.
        DatasetError: If images are missing or the counts differ from the published ones.
    """

    def __init__(
        self,
        data_root: str | Path,
        area: Literal["same", "cross"] = "same",
        counts: Literal["official"] | None = "official",
    ) -> None:
        if area not in AREAS:
            raise ConfigError(f"VIGOR area={area!r} must be one of {', '.join(AREAS)}")
        if counts not in ("official", None):
            raise ConfigError(f"VIGOR counts={counts!r} must be 'official' or None")
        index = read_vigor(Path(data_root), area)
        expected = dict(zip(("train", "test"), OFFICIAL_PANORAMAS[area], strict=True))
        for split, panoramas in expected.items() if counts else ():
            found = len(index.select(split=split, view="street"))
            if found != panoramas:
                raise DatasetError(
                    f"{data_root}: {split} of the {area} area has {found} panoramas where VIGOR "
                    f"has {panoramas}; pass counts=None to use the data as it is"
                )
        super().__init__(f"VIGOR-{area}-area", index, thresholds_m=())


def read_vigor(root: Path, area: str) -> Index:
    """Read the lists of an area; errors as :class:`VIGOR`."""
    parts = AREAS[area]
    needed = {f"splits/{city}/{name}" for cities, name in parts.values() for city in cities}
    needed |= {f"splits/{city}/{TILES}" for cities, _ in parts.values() for city in cities}
    for name in sorted(needed):
        if not (root / name).is_file():
            raise DatasetNotFoundError(_how_to_get(root, root / name))
    table: list[tuple[str, str, int, str, LatLon, LatLon, tuple[int, ...]]] = []
    first: dict[str, str] = {}
    for split, (cities, labels) in parts.items():
        for city in cities:
            tiles = _tiles(root / "splits" / city / TILES, CITIES.index(city))
            name_of = {place: (name, latlon) for name, (place, latlon) in tiles.items()}
            shown = set(name_of) if split == "test" else set()
            for label in _labels(root / "splits" / city / labels, tiles, first):
                place, *others = label.tiles
                shown.add(place)
                path = f"{city}/panorama/{label.panorama}"
                at = name_of[place][1]
                table.append((path, "street", place, split, at, label.latlon, tuple(others)))
            for place in sorted(shown):
                name, at = name_of[place]
                none = (-1,) * (TILES_OF_A_LINE - 1)
                table.append((f"{city}/satellite/{name}", "satellite", place, split, at, at, none))
    path_of, view, places, split_of, position, camera, also = zip(*table, strict=True)
    lat, lon = np.array(position).T
    return Index(
        np.array(path_of),
        np.array(view),
        np.array(places),
        lat,
        lon,
        np.array(split_of),
        root,
        also_shows=np.array(also),
        camera_latlon=np.array(camera),
    )


def _tiles(file: Path, city: int) -> dict[str, tuple[int, LatLon]]:
    """Return the place and the (lat, lon) in degrees of every tile of a city, by its name."""
    tiles: dict[str, tuple[int, LatLon]] = {}
    for line, name in _lines(file):
        found = _TILE.fullmatch(name)
        if not found:
            fail(file, line, f"{name!r} must read satellite_<lat>_<lon>.png")
        if name in tiles:
            fail(file, line, f"{name} is already in line {tiles[name][0] % PLACES_OF_A_CITY}")
        latlon = _position(file, line, found[1], found[2])
        tiles[name] = ((city + 1) * PLACES_OF_A_CITY + line, latlon)
    if not tiles:
        fail(file, 1, "there is no tile")
    return tiles


def _labels(
    file: Path, tiles: dict[str, tuple[int, LatLon]], first: dict[str, str]
) -> Iterator[Label]:
    """Yield the lines of a label file; ``first`` collects where every panorama stands."""
    columns = 1 + 3 * TILES_OF_A_LINE
    before = len(first)
    for line, text in _lines(file):
        fields = text.split()
        if len(fields) != columns:
            fail(
                file,
                line,
                f"{len(fields)} columns where there are {columns}: a panorama and "
                f"{TILES_OF_A_LINE} times a tile and its two offsets",
            )
        panorama, names = fields[0], fields[1::3]
        found = _PANORAMA.fullmatch(panorama)
        if not found:
            fail(file, line, f"{panorama!r} must read <prefix>,<lat>,<lon>,.jpg")
        if panorama in first:
            fail(file, line, f"{panorama} is already in {first[panorama]}")
        for name in names:
            if name not in tiles:
                fail(file, line, f"tile {name!r} is not in {file.with_name(TILES)}")
        if len(set(names)) < TILES_OF_A_LINE:
            fail(file, line, f"{panorama} names a tile twice")
        for offset in (*fields[2::3], *fields[3::3]):
            if not _is_number(offset):
                fail(file, line, f"offset {offset!r} must be a number of pixels")
        first[panorama] = f"{file}:{line}"
        places = tuple(tiles[name][0] for name in names)
        yield Label(panorama, _position(file, line, found[1], found[2]), places)
    if len(first) == before:
        fail(file, 1, "there is no panorama")


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """Yield (line number, text) of every line that is not blank."""
    for line, text in enumerate(read_lines(file), start=1):
        if text.strip():
            yield line, text.strip()


def _position(file: Path, line: int, lat: str, lon: str) -> LatLon:
    if not (_is_number(lat) and _is_number(lon)):
        fail(file, line, f"{lat!r}, {lon!r} must be a position in degrees")
    position = float(lat), float(lon)
    if fault := coordinate_fault(np.array([position])):
        fail(file, line, fault[1])
    return position


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _how_to_get(root: Path, absent: Path) -> str:
    return f"""VIGOR is not in {root}: there is no {absent}.
Request it as {PROJECT_PAGE} says and unpack it so that the folder reads
  {root}/
    splits/<City>/satellite_list.txt, same_area_balanced_train.txt, ...
    <City>/panorama/  <City>/satellite/   for {", ".join(CITIES)}"""
