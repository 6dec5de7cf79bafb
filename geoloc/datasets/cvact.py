"""CVACT: street panoramas and satellite tiles of Canberra, with exact positions.

(Liu and Li, CVPR 2019)

::

    <root>/ACT_data.mat                                        ids, UTM positions and splits
    <root>/ANU_data_small/streetview/<id>_grdView.jpg          panoramas of train and val
    <root>/ANU_data_small/satview_polish/<id>_satView_polish.jpg
    <root>/ANU_data_test/streetview/, satview_polish/          of the test split
    <root>/ANU_data_small/polarmap/<id>_satView_polish.png     polar-transformed tiles, optional
"""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from geoloc.datasets.index import Index
from geoloc.datasets.source import Source
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError
from geoloc.geo.utm import utm_to_degrees
from geoloc.registry import DATASETS

PROJECT_PAGE = "https://github.com/Liumouliu/OriCNN"
DESCRIPTION = "ACT_data.mat"
UTM_ZONE, SOUTH = 55, True
# split: the struct and the field of its row numbers in the description, folder of the images
PARTS = {
    "train": ("trainSet", "trainInd", "ANU_data_small"),
    "val": ("valSet", "valInd", "ANU_data_small"),
    "test": ("valSetAll", "valInd", "ANU_data_test"),
}
OFFICIAL_COUNTS = {"train": 35532, "val": 8884}
Split = Literal["train", "val", "test"]


@DATASETS.register_module()
class CVACT(Source):
    """The CVACT dataset, or anything else in its layout.

    Views are ``street`` and ``satellite``. A panorama and a tile of one id are of the same place
    (level 1), all others are not (level 0); ``thresholds_m=(5.0,)`` makes every tile within 5 m
    count instead, the official protocol of the test split. Distributed copies lack some files; a
    pair without one of its images is left out, with a warning.

    Args:
        data_root: Folder that holds ``ACT_data.mat``.
        splits: Which splits to read. The test split has ten times as many images as val; its
            places overlap those of the others.
        polar: Take the satellite images from ``polarmap/``, transformed beforehand.
        thresholds_m: Bounds of the relevance levels in metres; ``()`` for pairs.
        counts: ``official`` insists on the published numbers of train and val pairs; None accepts
            any.

    Raises:
        DatasetNotFoundError: If the dataset is not there; the message tells how to get it.
        DatasetError: If ``ACT_data.mat`` is not what it should be or the counts differ.
    """

    def __init__(
        self,
        data_root: str | Path,
        splits: Sequence[Split] = ("train", "val"),
        polar: bool = False,
        thresholds_m: Sequence[float] = (),
        counts: Literal["official"] | None = "official",
    ) -> None:
        if unknown := [split for split in splits if split not in PARTS]:
            raise ConfigError(f"CVACT splits={unknown}: choose among {', '.join(PARTS)}")
        if counts not in ("official", None):
            raise ConfigError(f"CVACT counts={counts!r} must be 'official' or None")
        root = Path(data_root)
        if not (root / DESCRIPTION).is_file():
            raise DatasetNotFoundError(_how_to_get(root))
        index = read_cvact(root, splits, polar, official=counts == "official")
        super().__init__("CVACT", index, thresholds_m)


def read_cvact(root: Path, splits: Sequence[str], polar: bool, official: bool) -> Index:
    """Read the description and list the pairs whose files are there; errors as :class:`CVACT`."""
    content = _description(root / DESCRIPTION)
    names, utm = content["panoIds"], content["utm"]
    latlon = utm_to_degrees(utm, UTM_ZONE, SOUTH)
    table: list[tuple[str, str, int, str]] = []
    for split in splits:
        rows = content[split]
        if official and OFFICIAL_COUNTS.get(split, len(rows)) != len(rows):
            raise DatasetError(
                f"{root / DESCRIPTION}: {split} has {len(rows)} pairs where CVACT has "
                f"{OFFICIAL_COUNTS[split]}; pass counts=None to use the data as it is"
            )
        folders = _folders(PARTS[split][2], polar)
        present = {view: _listing(root / folder) for view, (folder, _) in folders.items()}
        absent = 0
        for row in rows.tolist():
            files = {view: f"{names[row]}{ending}" for view, (_, ending) in folders.items()}
            if any(file not in present[view] for view, file in files.items()):
                absent += 1
                continue
            for view, file in files.items():
                table.append((f"{folders[view][0]}/{file}", view, row + 1, split))
        if absent == len(rows):
            raise DatasetError(
                f"{root}: no pair of {split} has both files in {folders['street'][0]} and "
                f"{folders['satellite'][0]}"
            )
        if absent:
            warnings.warn(
                f"{root}: {absent} of {len(rows)} pairs of {split} lack a file and are left out",
                stacklevel=2,
            )
    path, view_of, place, split_of = map(np.array, zip(*table, strict=True))
    lat, lon = latlon[place - 1].T
    return Index(path, view_of, place, lat, lon, split_of, root)


def polar_path(tile: str) -> str:
    """Return the file of a tile's polar transform, both below the root."""
    return tile.replace("/satview_polish/", "/polarmap/").removesuffix(".jpg") + ".png"


def _folders(folder: str, polar: bool) -> dict[str, tuple[str, str]]:
    """Return the folder of every view, and what follows the id in its file names."""
    tile = (
        ("polarmap", "_satView_polish.png") if polar else ("satview_polish", "_satView_polish.jpg")
    )
    return {
        "street": (f"{folder}/streetview", "_grdView.jpg"),
        "satellite": (f"{folder}/{tile[0]}", tile[1]),
    }


def _listing(folder: Path) -> set[str]:
    return set(os.listdir(folder)) if folder.is_dir() else set()


def _description(file: Path) -> dict[str, NDArray[Any]]:
    """Return the ids ``[n]``, the positions ``[n, 2]`` in metres, and the rows of every split."""
    try:
        raw = loadmat(str(file), squeeze_me=True, struct_as_record=False)
    except Exception as error:  # scipy and zlib raise half a dozen types on broken files
        reason = " ".join(str(error).split())
        raise DatasetError(f"{file} cannot be read ({reason}); download it again") from error
    try:
        content = {
            "panoIds": np.array([str(name).strip() for name in np.atleast_1d(raw["panoIds"])]),
            "utm": np.asarray(raw["utm"], dtype=np.float64).reshape(-1, 2),
        }
        for split, (struct, field, _) in PARTS.items():
            rows = np.atleast_1d(getattr(raw[struct], field))
            content[split] = rows.astype(np.int64) - 1
    except (ValueError, TypeError) as error:
        raise DatasetError(f"{file} cannot be read ({error}); download it again") from error
    except (KeyError, AttributeError) as error:
        raise DatasetError(f"{file} lacks {error}; it is not the description of CVACT") from error
    count = len(content["panoIds"])
    if len(content["utm"]) != count:
        raise DatasetError(f"{file}: {count} panoIds but {len(content['utm'])} positions in utm")
    for split in PARTS:
        wrong = content[split][(content[split] < 0) | (content[split] >= count)]
        if wrong.size:
            raise DatasetError(f"{file}: {split} names row {wrong[0] + 1} of {count} panoIds")
    return content


def _how_to_get(root: Path) -> str:
    return f"""CVACT is not in {root}: there is no {root / DESCRIPTION}.
Request it as {PROJECT_PAGE} says and unpack it so that the folder reads
  {root}/
    {DESCRIPTION}
    ANU_data_small/streetview/  ANU_data_small/satview_polish/
    ANU_data_test/streetview/   ANU_data_test/satview_polish/     (test split only)"""
