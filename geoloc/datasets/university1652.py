"""University-1652: university buildings seen by drone, satellite and from the street.

(Zheng et al., ACM MM 2020, arXiv 2002.12186)

::

    <root>/train/{drone,satellite,street,google}/<id>/<image>
    <root>/test/{query,gallery}_{drone,satellite,street}/<id>/<image>

``<id>`` is the building's number with four digits. Gallery folders hold buildings without a query
(distractors). ``test/4K_drone`` holds real drone images that belong to no
benchmark task; it is not read.
"""

from pathlib import Path
from typing import Literal

from geoloc.datasets.class_folders import check_separate, read_class_folders
from geoloc.datasets.index import Index
from geoloc.datasets.source import Source
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError
from geoloc.registry import DATASETS

DOWNLOAD_PAGE = "https://github.com/layumi/University1652-Baseline"
FOLDERS = {
    "train": {view: f"train/{view}" for view in ("drone", "satellite", "street", "google")},
    "query": {view: f"test/query_{view}" for view in ("drone", "satellite", "street")},
    "gallery": {view: f"test/gallery_{view}" for view in ("drone", "satellite", "street")},
}
NEEDED = ("drone", "satellite")
# (places, images); "train" without the images of Google's search, which the paper counts apart
OFFICIAL_COUNTS = {
    ("query", "drone"): (701, 37855),
    ("query", "satellite"): (701, 701),
    ("query", "street"): (701, 2579),
    ("gallery", "drone"): (951, 51355),
    ("gallery", "satellite"): (951, 951),
    ("gallery", "street"): (793, 2921),
}
OFFICIAL_TRAIN_COUNTS = (701, 50218)


@DATASETS.register_module()
class University1652(Source):
    """The University-1652 dataset, or anything else in its layout.

    Splits are ``train``, ``query`` and ``gallery``; views ``drone``, ``satellite``, ``street`` and,
    in training, ``google`` (street images of a web search, not of every building). There are no
    positions: two images are of the same place (level 1) or not (level 0).

    Args:
        data_root: Folder that holds ``train/`` and ``test/``.
        counts: ``official`` insists on the published numbers of places and images; None accepts
            any, also without ``street``.

    Raises:
        DatasetNotFoundError: If the dataset is not there; the message tells how to get it.
        DatasetError: If a class folder has no number, a place is in training and test, or the
            counts differ from the published ones.
    """

    def __init__(
        self, data_root: str | Path, counts: Literal["official"] | None = "official"
    ) -> None:
        if counts not in ("official", None):
            raise ConfigError(f"University1652 counts={counts!r} must be 'official' or None")
        root = Path(data_root)
        index = read_university1652(root)
        if counts == "official":
            check_official_counts(index)
        super().__init__("University-1652", index, thresholds_m=())


def read_university1652(root: Path) -> Index:
    """List the images of all folders, in the order of their names.

    Raises:
        DatasetNotFoundError: If a folder of drone or satellite images is missing.
        DatasetError: If a class folder has no number, a needed folder has no image, or a place is
            in training and test.
    """
    for folders in FOLDERS.values():
        for view in NEEDED:
            if not (root / folders[view]).is_dir():
                _refuse_empty(root, folders[view])
    index = read_class_folders(root, [*FOLDERS.items()])
    for split, folders in FOLDERS.items():
        for view in NEEDED:
            if not len(index.select(split=split, view=view)):
                _refuse_empty(root, folders[view])
    check_separate(index, ("query", "gallery"))
    return index


def _refuse_empty(root: Path, folder: str) -> None:
    if (root / folder).is_dir():
        raise DatasetError(f"{root / folder} has no image in a folder such as 0001/")
    raise DatasetNotFoundError(f"""University-1652 is not in {root}: there is no {root / folder}.
Request it as {DOWNLOAD_PAGE} says and unpack it so that the folder reads
  {root}/
    train/drone/  train/satellite/  train/street/  train/google/
    test/query_drone/    test/query_satellite/    test/query_street/
    test/gallery_drone/  test/gallery_satellite/  test/gallery_street/""")


def check_official_counts(index: Index) -> None:
    """Check the published numbers of places and images.

    Raises:
        DatasetError: If a number differs.
    """
    parts = {
        f"{split} {view}": (index.select(split=split, view=view), expected)
        for (split, view), expected in OFFICIAL_COUNTS.items()
    }
    train = index.select(split="train", view=("drone", "satellite", "street"))
    parts["train drone, satellite and street"] = (train, OFFICIAL_TRAIN_COUNTS)
    for name, (part, (places, images)) in parts.items():
        if (len(part.places), len(part)) != (places, images):
            raise DatasetError(
                f"{index.root}: {name} has {len(part)} images of {len(part.places)} places where "
                f"University-1652 has {images} of {places}; pass counts=None to use the data as it "
                "is"
            )
