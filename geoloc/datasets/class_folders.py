"""Datasets that keep the images of a place in a folder named by its number."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from geoloc.datasets.index import Index
from geoloc.errors import DatasetError

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
_PLACE = re.compile(r"[0-9]{1,9}")

Folders = Sequence[tuple[str, dict[str, str]]]
"""Splits with the folder of every view below the root; a split may come several times."""


def read_class_folders(root: Path, folders: Folders) -> Index:
    """List the images of all folders, in the order of their names; there are no positions.

    Folders that do not exist have no image, and empty classes are fine.

    Args:
        root: Folder of the dataset.
        folders: Where every view of every split lies.

    Raises:
        DatasetError: If a class folder has no number, or there is no image at all.
    """
    rows = [
        (path, view, place, split)
        for split, views in folders
        for view, folder in views.items()
        for place, path in _images(root, folder)
    ]
    if not rows:
        raise DatasetError(f"{root} has no image in a folder such as 0001/")
    path, view, place, split = map(np.array, zip(*rows, strict=True))
    nowhere = np.full(len(rows), np.nan)
    return Index(path, view, place, nowhere, nowhere, split, root)


def check_separate(index: Index, others: Sequence[str]) -> None:
    """Check that no training place is tested.

    Args:
        index: With the split ``train``.
        others: The splits whose places must be others.

    Raises:
        DatasetError: If one is; the message names it.
    """
    train = index.select(split="train").places
    both = np.intersect1d(train, index.select(split=others).places)
    if both.size:
        raise DatasetError(
            f"{index.root}: {both.size} places are in train and in {' or '.join(others)}, the "
            f"first is {both[0]:04d}; a place has one split"
        )


def _images(root: Path, folder: str) -> Iterator[tuple[int, str]]:
    """Yield (place, path below the root) of every image of one view."""
    for name in _entries(root / folder):
        if not os.path.isdir(root / folder / name):
            continue
        if not _PLACE.fullmatch(name):
            raise DatasetError(
                f"{root / folder / name} must be named by the number of its place, such as 0001"
            )
        for image in _entries(root / folder / name):
            if os.path.splitext(image)[1].lower() in SUFFIXES:
                yield int(name), f"{folder}/{name}/{image}"


def _entries(folder: Path) -> list[str]:
    """Return the names in a folder in order, without hidden ones; none if there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))
