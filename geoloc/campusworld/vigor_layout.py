"""The layout of VIGOR: tiles on a grid, and panoramas anywhere in them.

A tile begins every half tile, so that four of them show any position: the corners of the cell of
the grid of centres that it lies in. The nearest is the positive of a panorama, the other three are
semi-positives. Campuses are the quarters of cities, train campuses of New York and Seattle, the
others of San Francisco and Chicago, as in VIGOR's split by area.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from geoloc.campusworld.georeference import to_degrees
from geoloc.campusworld.street_place import Array, Place, StreetCampus, Tile
from geoloc.whole_files import write_whole

CITIES = {"train": ("NewYork", "Seattle"), "val": ("SanFrancisco", "Chicago")}
LABEL_PX = 640  # side of the tile that the offsets of a label count in
TILE_LISTS, LABELS = "satellite_list.txt", "pano_label_balanced.txt"


def tile_grid(radius_m: float, step_m: float) -> Array:
    """Return centres of tiles whose cells cover a square, ``[T, 2]`` in m, east and north.

    Args:
        radius_m: Half the side of the square, whose middle is (0, 0) and the centre of a tile.
        step_m: Distance of two centres in a row.
    """
    reach = int(radius_m // step_m) + 1
    line = step_m * np.arange(-reach, reach + 1)
    return np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)


def covering_tiles(offset_m: Array, step_m: float) -> Array:
    """Return the four tiles that show a position, nearest first, in whole steps ``[4, 2]``.

    Args:
        offset_m: East and north in m, ``[2]``.
        step_m: Distance of two centres, half a tile.
    """
    corner = np.floor(offset_m / step_m)
    tiles = corner + np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    apart = np.hypot(*(offset_m - step_m * tiles).T)
    nearest: Array = tiles[np.argsort(apart, kind="stable")]
    return nearest


def pixel_offset(offset_m: Array, centre_m: Array, tile_m: float) -> Array:
    """Return where a position is in a tile, as VIGOR's labels say it, ``[2]`` in px.

    The position is in row 320 + the first number, and in column 320 - the second.

    Args:
        offset_m: The position, east and north in m.
        centre_m: The centre of the tile, likewise.
        tile_m: Side of the tile.
    """
    east, north = (offset_m - centre_m) * LABEL_PX / tile_m
    return np.array([-north, -east])


def city_of(campus: StreetCampus) -> str:
    """Return the city that a campus is a quarter of."""
    cities = CITIES[campus.places[0].split]
    return cities[campus.number % len(cities)]


def vigor_panorama(campus: StreetCampus, place: Place) -> str:
    """Return the file of a panorama below the root."""
    return f"{city_of(campus)}/panorama/{_panorama_name(place)}"


def vigor_tiles(campus: StreetCampus, positions: Array, middle: float) -> list[Tile]:
    """Return the tiles of a campus; the positions of its panoramas do not matter.

    Args:
        campus: The campus.
        positions: Not used.
        middle: Of its map, in m.
    """
    folder, centres_m = f"{city_of(campus)}/satellite", _centres(campus)
    return [
        Tile(f"{folder}/{name}", middle + centre_m)
        for name, centre_m in zip(_tile_names(campus, centres_m), centres_m, strict=True)
    ]


def write_vigor_index(root: Path, campuses: Sequence[StreetCampus]) -> None:
    """Write for every city the list of its tiles and the labels of its panoramas."""
    for city in (city for cities in CITIES.values() for city in cities):
        quarters = [campus for campus in campuses if city_of(campus) == city]
        tiles = [name for each in quarters for name in _tile_names(each, _centres(each))]
        labels = [label for campus in quarters for label in _labels(campus)]
        for name, lines in ((TILE_LISTS, tiles), (LABELS, labels)):
            write_whole(root / "splits" / city / name, "\n".join(lines) + "\n")


def _centres(campus: StreetCampus) -> Array:
    return tile_grid(campus.radius_m, campus.tile_m / 2)


def _labels(campus: StreetCampus) -> list[str]:
    step_m = campus.tile_m / 2
    lines = []
    for place, offset_m in zip(campus.places, campus.offsets_m, strict=True):
        centres_m = step_m * covering_tiles(offset_m, step_m)
        fields = [_panorama_name(place)]
        for name, centre_m in zip(_tile_names(campus, centres_m), centres_m, strict=True):
            row, column = pixel_offset(offset_m, centre_m, campus.tile_m)
            fields += [name, f"{row:.3f}", f"{column:.3f}"]
        lines.append(" ".join(fields))
    return lines


def _panorama_name(place: Place) -> str:
    return f"street{place.number:06d},{place.lat:.7f},{place.lon:.7f},.jpg"


def _tile_names(campus: StreetCampus, centres_m: Array) -> list[str]:
    degrees = to_degrees(campus.origin, centres_m)
    return [f"satellite_{lat:.7f}_{lon:.7f}.png" for lat, lon in degrees]
