"""DA-Campus: 750 university buildings seen by drone and satellite (DyCL, arXiv 2506.23077)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from geoloc.datasets.campus_layout import campus_files, read_campus
from geoloc.datasets.index import Index
from geoloc.datasets.source import Source
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError
from geoloc.geo.relevance import DA_CAMPUS_THRESHOLDS_M
from geoloc.registry import DATASETS

DOWNLOAD_PAGE = "https://huggingface.co/datasets/www0wwwjs1/DA_Campus"
OFFICIAL_PLACES = {"train": 450, "test": 300}
OFFICIAL_IMAGES_PER_PLACE = {"satellite": 1, "drone": 60}


@DATASETS.register_module()
class DACampus(Source):
    """The DA-Campus dataset, or anything else in its layout (``campus_layout``).

    Args:
        data_root: Folder that holds ``satellite/`` and ``drone/``.
        thresholds_m: Bounds of the relevance levels in metres, nearest first.
        counts: ``official`` insists on the published numbers of places and images; None accepts
            any number as long as every place has both views.

    Raises:
        DatasetNotFoundError: If the dataset is not there; the message tells how to get it.
        IndexFormatError: At the first line that cannot be used, as ``file:line: reason``.
        DatasetError: If the counts differ from the published ones, or image files are missing.
    """

    def __init__(
        self,
        data_root: str | Path,
        thresholds_m: Sequence[float] = DA_CAMPUS_THRESHOLDS_M,
        counts: Literal["official"] | None = "official",
    ) -> None:
        if counts not in ("official", None):
            raise ConfigError(f"DACampus counts={counts!r} must be 'official' or None")
        root = Path(data_root)
        absent = [file for _, _, file in campus_files(root) if not file.is_file()]
        if absent:
            raise DatasetNotFoundError(_how_to_get(root, absent[0]))
        index = read_campus(root)
        if counts == "official":
            check_official_counts(index)
        super().__init__("DA-Campus", index, thresholds_m)


def check_official_counts(index: Index) -> None:
    """Check the published numbers: 450 / 300 places with 60 drone images and 1 satellite image.

    Raises:
        DatasetError: If a number differs.
    """
    advice = "pass counts=None to use the data as it is"
    for split, expected in OFFICIAL_PLACES.items():
        part = index.select(split=split)
        if len(part.places) != expected:
            raise DatasetError(
                f"{index.root}: the {split} split has {len(part.places)} places where DA-Campus "
                f"has {expected}; {advice}"
            )
        for view, images in OFFICIAL_IMAGES_PER_PLACE.items():
            found = np.bincount(part.place_labels[part.view == view], minlength=expected)
            for label in np.flatnonzero(found != images)[:1]:
                raise DatasetError(
                    f"{index.root}: {split} place {part.places[label]} has {found[label]} {view} "
                    f"images where DA-Campus has {images}; {advice}"
                )


def _how_to_get(root: Path, absent: Path) -> str:
    return f"""DA-Campus is not in {root}: there is no {absent}.
Download it from {DOWNLOAD_PAGE} and unpack it so that the folder reads
  {root}/
    satellite/train.txt  satellite/test.txt  satellite/<images>
    drone/train.txt      drone/test.txt      drone/<images>
or make a rendered stand-in of the same size and layout in the same place:
  python tools/make_campusworld.py {root} --preset dacampus"""
