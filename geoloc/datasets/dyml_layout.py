"""The on-disk layout of DyML: its sets of images, and their label files.

::

    dyml_{vehicle,animal}/train/label.csv                      train/imgs/<fname>
                         /bmk_<scale>/{query,gallery}.csv      bmk_<scale>/{query,gallery}/<fname>
    dyml_product/train/label.csv                               train/imgs/<fname>
                /mini-bmk_all_in_one/label.csv                 mini-bmk_all_in_one/imgs/<fname>

The header line of the label files is glued to the first record::

    fname, coarse_id, middle_id, fine_id0.jpg, 2, 11, 305      three labels
    1.jpg, 2, 11, 305
    fname, labels0.jpg, 305                                    one label
    1.jpg, 305
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from geoloc.datasets.table import Record, fail, read_lines
from geoloc.errors import DatasetNotFoundError

THREE_LABELS = ("fname", "coarse_id", "middle_id", "fine_id")
ONE_LABEL = ("fname", "labels")
SCALES = ("fine", "middle", "coarse")
Subset = Literal["vehicle", "animal", "product"]
# Every set counts its labels anew; in the index the places of the k-th set begin at k times this.
SET_STRIDE = 10**9


class LabelledSet(NamedTuple):
    """One label file and its images.

    Attributes:
        split: Name of the split in the index.
        file: Label file below ``dyml_<subset>/``.
        folder: Folder of its images.
        columns: Names in the header of the label file.
        first_place: Place id of its label 0.
    """

    split: str
    file: str
    folder: str
    columns: tuple[str, ...]
    first_place: int


def labelled_sets(subset: Subset) -> list[LabelledSet]:
    """Return all sets of a subset, the training set first."""
    sets = [LabelledSet("train", "train/label.csv", "train/imgs", THREE_LABELS, 0)]
    if subset == "product":
        folder = "mini-bmk_all_in_one"
        test = LabelledSet(
            "test", f"{folder}/label.csv", f"{folder}/imgs", THREE_LABELS, SET_STRIDE
        )
        return [*sets, test]
    for number, scale in enumerate(SCALES, start=1):
        for side in ("query", "gallery"):
            path = f"bmk_{scale}/{side}"
            first = number * SET_STRIDE
            sets.append(LabelledSet(f"{scale}_{side}", f"{path}.csv", path, ONE_LABEL, first))
    return sets


def read_labels(file: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, Record]]:
    """Yield (line number, record) for every image; blank lines are skipped.

    Whether the header ends with a line break or not, no image is lost: what stands behind the name
    of the last column is the first record.

    Args:
        file: UTF-8 text file with fields separated by a comma and spaces.
        columns: Names that the header must hold, in that order.

    Raises:
        DatasetNotFoundError: If there is no such file.
        IndexFormatError: For a header or a line that does not fit, as ``file:line: reason``.
    """
    if not file.is_file():
        raise DatasetNotFoundError(f"there is no file {file}")
    lines = read_lines(file) or [""]
    *names, last = _fields(lines[0])[: len(columns)]
    if (*names, last[: len(columns[-1])]) != columns:
        fail(file, 1, f"the header must begin with {', '.join(columns)!r}, it is {lines[0][:80]!r}")
    lines[0] = lines[0][lines[0].index(columns[-1]) + len(columns[-1]) :]
    for line, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        fields = _fields(text)
        if len(fields) != len(columns):
            fail(file, line, f"{len(fields)} fields where the header has {len(columns)}")
        yield line, dict(zip(columns, fields, strict=True))


def _fields(line: str) -> list[str]:
    return [field.strip() for field in line.split(",")]
