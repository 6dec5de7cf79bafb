"""SUES-200: places seen by satellite and by drones at four heights.

(Zhu et al., SUES-200, IEEE TCSVT 2023, arXiv 2204.10704)

::

    <root>/Training/<height>/{drone,satellite}/<id>/<image>
    <root>/Testing/<height>/{query,gallery}_{drone,satellite}/<id>/<image>

as the dataset's own script splits it. Galleries hold all places, also those of the training.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from geoloc.datasets.class_folders import check_separate, read_class_folders
from geoloc.datasets.source import Source
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError
from geoloc.registry import DATASETS

PROJECT_PAGE = "https://github.com/Reza-Zhu/SUES-200-Benchmark"
VIEWS = ("drone", "satellite")
OFFICIAL_PLACES = {"train": 120, "query": 80, "gallery": 200}
Height = Literal[150, 200, 250, 300]


@DATASETS.register_module()
class SUES200(Source):
    """One or several heights of SUES-200, or anything else in its layout.

    Splits are ``train``, ``query`` and ``gallery``, views ``drone`` and ``satellite``. With several
    heights each has a query and a gallery of its own, ``query_150`` and ``gallery_150`` ..., and
    ``train`` holds the images of all. There are no positions: two images are of the same place
    (level 1) or not (level 0).

    Args:
        data_root: Folder that holds ``Training/`` and ``Testing/``.
        height: Height of the drones in metres, or a list of them.
        counts: ``official`` insists on the published numbers of places; None accepts any.

    Raises:
        DatasetNotFoundError: If the dataset is not there; the message tells how to get it.
        DatasetError: If a class folder has no number, a view has no image, a query place is in
            training, or the counts differ from the published ones.
    """

    def __init__(
        self,
        data_root: str | Path,
        height: Height | Sequence[Height] = 150,
        counts: Literal["official"] | None = "official",
    ) -> None:
        heights = [height] if isinstance(height, int) else list(height)
        if not heights or not set(heights) <= set(get_args(Height)):
            raise ConfigError(
                f"SUES200 height={height!r} must be one of {get_args(Height)}, or a list of them"
            )
        if counts not in ("official", None):
            raise ConfigError(f"SUES200 counts={counts!r} must be 'official' or None")
        root = Path(data_root)
        parts = [part for each in heights for part in _folders(each, len(heights) > 1)]
        needed = [folder for _, views in parts for folder in views.values()]
        if absent := [folder for folder in needed if not (root / folder).is_dir()]:
            raise DatasetNotFoundError(
                f"SUES-200 is not in {root}: there is no {root / absent[0]}.\n"
                f"Request it as {PROJECT_PAGE} says and run its split script, so that there are\n"
                f"  {' '.join(needed)}"
            )
        index = read_class_folders(root, parts)
        for split, views in parts:
            for folder in views.values():
                below = np.char.startswith(index.path, f"{folder}/")
                places = len(np.unique(index.place[below]))
                expected = OFFICIAL_PLACES[split.partition("_")[0]]
                if not places:
                    raise DatasetError(f"{root / folder} has no image in a folder such as 0001/")
                if counts and places != expected:
                    raise DatasetError(
                        f"{root / folder} has {places} places where SUES-200 has {expected}; pass "
                        "counts=None to use the data as it is"
                    )
        queries = [split for split, _ in parts if split.startswith("query")]
        check_separate(index, queries)
        super().__init__(f"SUES-200-{'-'.join(map(str, heights))}m", index, thresholds_m=())


def _folders(height: int, named: bool) -> list[tuple[str, dict[str, str]]]:
    """Return the splits of a height and the folder of every view; ``named`` by the height."""
    suffix = f"_{height}" if named else ""
    return [
        ("train", {view: f"Training/{height}/{view}" for view in VIEWS}),
        (f"query{suffix}", {view: f"Testing/{height}/query_{view}" for view in VIEWS}),
        (f"gallery{suffix}", {view: f"Testing/{height}/gallery_{view}" for view in VIEWS}),
    ]
