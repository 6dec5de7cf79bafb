"""The datasets in whose layouts a StreetWorld is written."""

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.io import savemat

from geoloc.campusworld.street_place import Array, Place, StreetCampus, Tile
from geoloc.campusworld.vigor_layout import vigor_panorama, vigor_tiles, write_vigor_index
from geoloc.whole_files import write_whole


class LayoutFormat(NamedTuple):
    """How a dataset names its files and lists them.

    Attributes:
        panorama: Returns the file of a panorama below the root, of a campus and a place of it.
        tiles: Returns the tiles of a campus, of it, of the positions of its panoramas on its map
            ``[P, 2]`` in m, and of the middle of that map.
        write_index: Writes the lists of all campuses.
        campuses: How many campuses train and val need each.
    """

    panorama: Callable[[StreetCampus, Place], str]
    tiles: Callable[[StreetCampus, Array, float], list[Tile]]
    write_index: Callable[[Path, Sequence[StreetCampus]], None]
    campuses: int = 1


class Files(NamedTuple):
    """The two files of a pair, below the root."""

    panorama: str
    tile: str


def _pairs(
    files: Callable[[Place], Files], write_index: Callable[[Path, list[Place]], None]
) -> LayoutFormat:
    """Return the format of a dataset whose panoramas stand in the centres of their own tiles."""

    def tiles(campus: StreetCampus, positions: Array, middle: float) -> list[Tile]:
        pairs = zip(campus.places, positions, strict=True)
        return [Tile(files(place).tile, position) for place, position in pairs]

    return LayoutFormat(
        lambda campus, place: files(place).panorama,
        tiles,
        lambda root, campuses: write_index(root, [p for campus in campuses for p in campus.places]),
    )


def _cvusa_files(place: Place) -> Files:
    name = f"{place.number:07d}.jpg"
    return Files(f"streetview/panos/{name}", f"bingmap/19/{name}")


def _write_cvusa_index(root: Path, places: list[Place]) -> None:
    for split in ("train", "val"):
        rows = [_cvusa_files(place) for place in places if place.split == split]
        text = "".join(f"{files.tile},{files.panorama},\n" for files in rows)
        write_whole(root / f"splits/{split}-19zl.csv", text)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    for place in places:
        writer.writerow((place.lat, place.lon, place.lat, place.lon, 0))
    write_whole(root / "split_locations/all.csv", stream.getvalue())


def _cvact_name(place: Place) -> str:
    return f"street{place.number:06d}"


def _cvact_files(place: Place) -> Files:
    name, folder = _cvact_name(place), "ANU_data_small"
    return Files(
        f"{folder}/streetview/{name}_grdView.jpg",
        f"{folder}/satview_polish/{name}_satView_polish.jpg",
    )


def _write_cvact_index(root: Path, places: list[Place]) -> None:
    rows = {
        split: np.array([[k + 1] for k, place in enumerate(places) if place.split == split])
        for split in ("train", "val")
    }
    content: dict[str, Any] = {
        "panoIds": np.array([_cvact_name(place) for place in places], dtype=object),
        "utm": np.array([[place.easting_m, place.northing_m] for place in places]),
        "trainSet": {"trainInd": rows["train"]},
        "valSet": {"valInd": rows["val"]},
        "valSetAll": {"valInd": rows["val"]},
    }
    savemat(str(root / "ACT_data.mat"), content)


LAYOUTS = {
    "cvusa": _pairs(_cvusa_files, _write_cvusa_index),
    "cvact": _pairs(_cvact_files, _write_cvact_index),
    "vigor": LayoutFormat(vigor_panorama, vigor_tiles, write_vigor_index, campuses=2),
}
