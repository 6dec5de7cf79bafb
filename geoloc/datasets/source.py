"""A source of images: an index whose files exist, with its thresholds and protocol."""

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from geoloc.datasets.index import Index
from geoloc.datasets.protocol import Protocol
from geoloc.errors import DatasetError
from geoloc.geo import check_thresholds
from geoloc.geo.relevance import DA_CAMPUS_THRESHOLDS_M
from geoloc.registry import DATASETS


class Source:
    """What every dataset reader gives to the training and test datasets.

    Args:
        name: Name of the dataset in results.
        index: All its images.
        thresholds_m: Bounds of the relevance levels in metres, nearest first; empty where the
            levels come from the index's labels.
        looked_up: The reader has found every file in a listing of its folder already.

    Raises:
        DatasetError: If image files are missing, or positions are, which thresholds need.
        ConfigError: If the thresholds are not positive and increasing.
    """

    def __init__(
        self, name: str, index: Index, thresholds_m: Sequence[float], looked_up: bool = False
    ) -> None:
        self.thresholds_m = check_thresholds(thresholds_m) if thresholds_m else ()
        if self.thresholds_m and not index.has_positions:
            raise DatasetError(
                f"{name} has no positions, which thresholds_m={self.thresholds_m} need; set "
                "thresholds_m=() to take the levels from its labels"
            )
        if not looked_up:
            check_images_exist(index)
        self.index = index
        self.protocol = Protocol.of(name, index, self.thresholds_m)


@DATASETS.register_module()
class IndexDataset(Source):
    """Anybody's images, listed in an index file.

    Args:
        path: The CSV file (see ``Index.read_csv``).
        root: Folder of the images; by default the folder of the file.
        thresholds_m: Bounds of the relevance levels in metres, nearest first; ``()`` takes the
            levels from the file's label columns instead.

    Raises:
        DatasetNotFoundError: If there is no such file.
        IndexFormatError: At the first line that cannot be used.
        DatasetError: If image files are missing.
    """

    def __init__(
        self,
        path: str | Path,
        root: str | Path | None = None,
        thresholds_m: Sequence[float] = DA_CAMPUS_THRESHOLDS_M,
    ) -> None:
        super().__init__(Path(path).stem, Index.read_csv(path, root), thresholds_m)


def check_images_exist(index: Index) -> None:
    """Look every image file up, one folder listing at a time.

    Raises:
        DatasetError: If any is missing; the message names the first and how many there are.
    """
    wanted: dict[str, list[str]] = defaultdict(list)
    for path in index.path.tolist():
        folder, _, name = path.rpartition("/")
        wanted[folder].append(name)
    missing = []
    for folder, names in wanted.items():
        present = _listing(index.root / folder)
        missing += [index.root / folder / name for name in names if name not in present]
    if missing:
        raise DatasetError(
            f"{len(missing)} of {len(index)} image files are missing, the first is {missing[0]}; "
            "copy them there or take their rows out of the index"
        )


def _listing(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries}
    except (FileNotFoundError, NotADirectoryError):
        return set()
