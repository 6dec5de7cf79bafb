"""DenseUAV: densely sampled drone and satellite images of university campuses, with positions.

(Dai et al., Vision-based UAV self-positioning, IEEE TIP 2024, arXiv 2201.09201)

::

    <root>/train/{drone,satellite}/<id>/H80.JPG, H90.JPG, H100.JPG (satellite: .tif, _old.tif)
    <root>/test/{query,gallery}_{drone,satellite}/<id>/
    <root>/Dense_GPS_ALL.txt                  path E<longitude> N<latitude> height
"""

import re
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geoloc.datasets.class_folders import check_separate, read_class_folders
from geoloc.datasets.index import Index
from geoloc.datasets.source import Source
from geoloc.datasets.table import fail, read_lines
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError
from geoloc.geo.coordinates import coordinate_fault
from geoloc.registry import DATASETS

PROJECT_PAGE = "https://github.com/Dmmm1997/DenseUAV"
POSITIONS = "Dense_GPS_ALL.txt"
VIEWS = ("drone", "satellite")
FOLDERS = {
    "train": {view: f"train/{view}" for view in VIEWS},
    "query": {view: f"test/query_{view}" for view in VIEWS},
    "gallery": {view: f"test/gallery_{view}" for view in VIEWS},
}
OFFICIAL_COUNTS = {
    ("train", "drone"): (2256, 6768),
    ("train", "satellite"): (2256, 13536),
    ("query", "drone"): (777, 2331),
    ("query", "satellite"): (777, 4662),
    ("gallery", "drone"): (3033, 9099),
    ("gallery", "satellite"): (3033, 18198),
}
_NUMBER = r"([0-9]+(?:\.[0-9]*)?)"
_LINE = re.compile(rf"(\S+)\s+E{_NUMBER}\s+N{_NUMBER}(?:\s+\S+)?\s*")


@DATASETS.register_module()
class DenseUAV(Source):
    """The DenseUAV dataset, or anything else in its layout.

    Splits are ``train``, ``query`` and ``gallery``, views ``drone`` and ``satellite``. A place is
    where ``Dense_GPS_ALL.txt`` says at the last of its images, as in the official evaluation.

    Args:
        data_root: Folder that holds ``train/`` and ``test/``.
        thresholds_m: Bounds of the relevance levels in metres; ``()`` for the same place only.
        counts: ``official`` insists on the published numbers of places and images; None accepts
            any.

    Raises:
        DatasetNotFoundError: If the dataset is not there; the message tells how to get it.
        IndexFormatError: At the first line of positions that cannot be used.
        DatasetError: If a class folder has no number, a place has no position, a query place is in
            training, or the counts differ from the published ones.
    """

    def __init__(
        self,
        data_root: str | Path,
        thresholds_m: tuple[float, ...] = (),
        counts: Literal["official"] | None = "official",
    ) -> None:
        if counts not in ("official", None):
            raise ConfigError(f"DenseUAV counts={counts!r} must be 'official' or None")
        root = Path(data_root)
        needed = [POSITIONS, *(folder for views in FOLDERS.values() for folder in views.values())]
        if absent := [name for name in needed if not (root / name).exists()]:
            raise DatasetNotFoundError(
                f"DenseUAV is not in {root}: there is no {root / absent[0]}.\n"
                f"Request it as {PROJECT_PAGE} says and unpack it so that there are\n"
                f"  {' '.join(needed)}"
            )
        index = _positioned(
            read_class_folders(root, [*FOLDERS.items()]), read_positions(root / POSITIONS)
        )
        for (split, view), expected in OFFICIAL_COUNTS.items() if counts else ():
            part = index.select(split=split, view=view)
            if (len(part.places), len(part)) != expected:
                raise DatasetError(
                    f"{root}: {split} {view} has {len(part)} images of {len(part.places)} places "
                    f"where DenseUAV has {expected[1]} of {expected[0]}; pass counts=None to use "
                    "the data as it is"
                )
        check_separate(index, ("query",))
        super().__init__("DenseUAV", index, thresholds_m)


def read_positions(file: Path) -> dict[int, tuple[float, float]]:
    """Return the (lat, lon) in degrees of every place, that of its last line.

    The images of a place have positions of their own, some decimetres apart; the official code
    keeps the last that it reads (known: its evaluation).

    Raises:
        IndexFormatError: At the first line that cannot be used, as ``file:line: reason``.
    """
    positions: dict[int, tuple[float, float]] = {}
    for line, text in enumerate(read_lines(file), start=1):
        if not text.strip():
            continue
        found = _LINE.fullmatch(text)
        place = Path(found[1]).parent.name if found else ""
        if not found or not (place.isascii() and place.isdigit()):
            fail(file, line, f"{text!r} must read <folder>/<id>/<image> E<lon> N<lat> <height>")
        position = (float(found[3]), float(found[2]))
        if fault := coordinate_fault(np.array([position])):
            fail(file, line, fault[1])
        positions[int(place)] = position
    return positions


def _positioned(index: Index, positions: dict[int, tuple[float, float]]) -> Index:
    absent = [place for place in index.places.tolist() if place not in positions]
    if absent:
        raise DatasetError(
            f"{index.root / POSITIONS} has no position of {len(absent)} places, the first is "
            f"{absent[0]:06d}"
        )
    latlon: NDArray[np.float64] = np.array([positions[place] for place in index.places.tolist()])
    lat, lon = latlon[index.place_labels].T
    return Index(index.path, index.view, index.place, lat, lon, index.split, index.root)
