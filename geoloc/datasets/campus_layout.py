"""The on-disk layout of DA-Campus, which CampusWorld shares.

::

    <root>/{satellite,drone}/{train,test}.txt    header: path class_id latitude longitude
    <root>/{satellite,drone}/<path>              images

Fields are separated by one space. Rows belong together by ``class_id``, never by their order.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from geoloc.datasets.index import Index
from geoloc.datasets.table import RowCollector, read_table
from geoloc.errors import DatasetError

VIEWS = ("satellite", "drone")
SPLITS = ("train", "test")
COLUMNS = ("path", "class_id", "latitude", "longitude")

# The benchmark counts places this close as one (its "0 m" scale), so a drone file whose rounding
# moves the building by less contradicts nothing.
SAME_PLACE_M = 3.0


def campus_files(root: Path) -> Iterator[tuple[str, str, Path]]:
    """Yield (view, split, file) of the four text files, the satellite's first."""
    for view in VIEWS:
        for split in SPLITS:
            yield view, split, root / view / f"{split}.txt"


def read_campus(root: Path) -> Index:
    """Read the four text files.

    A place is where its satellite row says; drone rows within 3 m of it take that position.

    Raises:
        DatasetNotFoundError: If a text file is missing.
        IndexFormatError: At the first line that cannot be used, as ``file:line: reason``; also
            for a class id that stands in both splits or at two positions.
        DatasetError: If a place lacks one of the views.
    """
    rows = RowCollector(root)
    for view, split, file in campus_files(root):
        for line, row in read_table(file, COLUMNS, delimiter=" ", exact=False):
            record = {
                "path": f"{view}/{row['path']}" if row["path"] else "",
                "view": view,
                "place": row["class_id"],
                "lat": row["latitude"],
                "lon": row["longitude"],
                "split": split,
            }
            rows.add(file, line, record)
    index = Index(**rows.columns(SAME_PLACE_M), root=root)
    _check_splits(index, rows)
    check_views(index, VIEWS)
    return index


def _check_splits(index: Index, rows: RowCollector) -> None:
    train = index.select(split="train").places
    again = np.flatnonzero((index.split == "test") & np.isin(index.place, train))
    if again.size:
        row = int(again[0])
        rows.fail(row, f"class_id {index.place[row]} is a train place too; a place has one split")


def check_views(index: Index, views: tuple[str, ...]) -> None:
    """Check that every place has an image of every view.

    Raises:
        DatasetError: If a place does not; the message names it and how many there are.
    """
    for view in views:
        lonely = np.setdiff1d(index.places, index.select(view=view).places)
        if lonely.size:
            raise DatasetError(
                f"{index.root}: {lonely.size} of {len(index.places)} places have no {view} image, "
                f"the first is place {lonely[0]}; every place needs {' and '.join(views)} images"
            )
