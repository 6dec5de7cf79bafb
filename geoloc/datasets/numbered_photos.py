"""The photos of a folder, however they are spread over subfolders."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoloc.errors import DatasetError


class NumberedPhotos(NamedTuple):
    """Photos named by a number, in ascending order.

    Attributes:
        number: Their numbers, int64 ``[m]``.
        path: Their files below the root, str ``[m]``.
    """

    number: NDArray[np.int64]
    path: NDArray[np.str_]

    def find(self, number: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.str_]]:
        """Return which numbers ``[n]`` have a photo, and the paths of those that do."""
        if not len(self.number):
            return np.zeros(len(number), dtype=bool), self.path
        place = np.searchsorted(self.number, number).clip(max=len(self.number) - 1)
        there = self.number[place] == number
        return there, self.path[place[there]]


def find_numbered_photos(root: Path, folder: str, suffix: str = ".jpg") -> NumberedPhotos:
    """Walk a folder, one listing for each subfolder.

    Files of other names are not looked at.

    Args:
        root: Folder of the dataset.
        folder: Folder below it, ``/``-separated.
        suffix: What follows the number.

    Raises:
        DatasetError: If two photos have one number.
    """
    numbers, paths = [], []
    for where, below, names in os.walk(root / folder):
        below.sort()
        stems = [name[: -len(suffix)] for name in names if name.endswith(suffix)]
        stems = [stem for stem in stems if stem.isascii() and stem.isdigit() and len(stem) <= 18]
        if stems:
            at = Path(where).relative_to(root).as_posix()
            numbers.append(np.array(stems, dtype=np.int64))
            paths.append(np.array([f"{at}/{stem}{suffix}" for stem in stems]))
    if not numbers:
        return NumberedPhotos(np.empty(0, np.int64), np.empty(0, np.str_))
    number, path = np.concatenate(numbers), np.concatenate(paths)
    order = np.argsort(number, kind="stable")
    number, path = number[order], path[order]
    for twice in np.flatnonzero(number[1:] == number[:-1])[:1]:
        raise DatasetError(
            f"{root}: {path[twice]} and {path[twice + 1]} have one id; delete one of them"
        )
    return NumberedPhotos(number, path)
