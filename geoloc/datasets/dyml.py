"""DyML: vehicles, animals and products with labels at three scales (Sun et al., CVPR 2021)."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from geoloc.datasets.dyml_layout import (
    SCALES,
    THREE_LABELS,
    LabelledSet,
    Subset,
    labelled_sets,
    read_labels,
)
from geoloc.datasets.index import Index
from geoloc.datasets.source import Source
from geoloc.datasets.table import Record, RowCollector, fail
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError
from geoloc.registry import DATASETS

DOWNLOAD_PAGE = "https://github.com/SupetZYK/DynamicMetricLearning"
OFFICIAL_TRAIN_CLASSES = {
    "vehicle": (39491, 93, 5),
    "animal": (495, 28, 5),
    "product": (1639, 171, 36),
}
_LABEL = re.compile(r"[0-9]{1,9}")


@DATASETS.register_module()
class DyML(Source):
    """One subset of DyML. The place of an image is its fine label; there are no positions.

    All images have the view ``image``. Splits: ``train``; for vehicle and animal
    ``<scale>_query`` and ``<scale>_gallery`` with scale ``fine``, ``middle`` or ``coarse``; for
    product ``test``. Labels ``middle`` and ``coarse`` complete the fine one. The images of a
    benchmark set of one scale have one label, which stands for all three: a pair of them shares all
    labels or none.

    Args:
        data_root: Folder that holds ``dyml_<subset>/``.
        subset: ``vehicle``, ``animal`` or ``product``.
        counts: ``official`` insists on the published numbers of training classes.

    Raises:
        DatasetNotFoundError: If the dataset is not there; the message tells how to get it.
        IndexFormatError: At the first line that cannot be used, as ``file:line: reason``; also for
            labels that form no tree, and for a query whose image is not in the gallery.
        DatasetError: If the counts differ from the published ones, or image files are missing.
    """

    def __init__(
        self,
        data_root: str | Path,
        subset: Subset = "vehicle",
        counts: Literal["official"] | None = "official",
    ) -> None:
        if subset not in get_args(Subset):
            raise ConfigError(f"DyML subset={subset!r} must be one of {get_args(Subset)}")
        if counts not in ("official", None):
            raise ConfigError(f"DyML counts={counts!r} must be 'official' or None")
        root = Path(data_root) / f"dyml_{subset}"
        sets = labelled_sets(subset)
        absent = [root / part.file for part in sets if not (root / part.file).is_file()]
        if absent:
            raise DatasetNotFoundError(_how_to_get(root, subset, absent[0]))
        index = _read(root, sets)
        if counts == "official":
            check_official_classes(index, subset)
        super().__init__(f"DyML-{subset.capitalize()}", index, thresholds_m=())
        for scale in SCALES if subset != "product" else ():
            _check_copies(index, scale)


def _read(root: Path, sets: Sequence[LabelledSet]) -> Index:
    rows = RowCollector(root)
    for part in sets:
        for line, record in read_labels(root / part.file, part.columns):
            rows.add(root / part.file, line, _row(root, part, line, record))
    index = Index(**rows.columns(), root=root)
    for part in sets:
        if part.columns == THREE_LABELS:
            _check_tree(index, rows, part.split)
        elif part.split.endswith("_query"):
            _check_queries_in_gallery(index, rows, part.split.removesuffix("_query"))
    return index


def _row(root: Path, part: LabelledSet, line: int, record: Record) -> Record:
    """Return the fields of an index row from those of a label file."""
    for name in part.columns[1:]:
        if not _LABEL.fullmatch(record[name]):
            reason = f"{name} {record[name]!r} must be a whole number of at most 9 digits"
            fail(root / part.file, line, reason)
    place = str(part.first_place + int(record[part.columns[-1]]))
    return {
        "path": f"{part.folder}/{record['fname']}" if record["fname"] else "",
        "view": "image",
        "place": place,
        "lat": "",
        "lon": "",
        "split": part.split,
        "label_middle": record.get("middle_id", place),
        "label_coarse": record.get("coarse_id", place),
    }


def _check_tree(index: Index, rows: RowCollector, split: str) -> None:
    """Check that a middle label has one coarse label; a place has one of each already."""
    of_split = np.flatnonzero(index.split == split)
    middle, coarse = index.labels[of_split].T
    _, first, which = np.unique(middle, return_index=True, return_inverse=True)
    for at in np.flatnonzero(coarse != coarse[first[which]])[:1]:
        rows.fail(
            int(of_split[at]),
            f"middle_id {middle[at]} has coarse_id {coarse[at]} here and "
            f"{coarse[first[which[at]]]} before; the labels must form a tree",
        )


def _check_queries_in_gallery(index: Index, rows: RowCollector, scale: str) -> None:
    """Check that the gallery has every query's image, by its file name, with the same label."""
    gallery = index.select(split=f"{scale}_gallery")
    place_of = dict(zip(gallery.path.tolist(), gallery.place.tolist(), strict=True))
    for row in np.flatnonzero(index.split == f"{scale}_query").tolist():
        copy = _copy_in_gallery(index.path[row])
        if place_of.get(copy) != index.place[row]:
            state = "has another label" if copy in place_of else "is missing"
            rows.fail(
                row, f"the gallery must contain this query's image with its label; {copy} {state}"
            )


def _check_copies(index: Index, scale: str) -> None:
    """Check that a query's file and the gallery's file of the same name can be one image.

    The protocol leaves that gallery image out of the query's ranking.

    Raises:
        DatasetError: If the two files differ in size.
    """
    for path in index.select(split=f"{scale}_query").path.tolist():
        query, gallery = index.root / path, index.root / _copy_in_gallery(path)
        if query.stat().st_size != gallery.stat().st_size:
            raise DatasetError(
                f"{query} and {gallery} differ in size, but the gallery must hold the query's "
                "image under the same name; download both folders again"
            )


def _copy_in_gallery(path: str) -> str:
    """Return ``bmk_fine/gallery/<fname>`` for ``bmk_fine/query/<fname>``."""
    benchmark, _, name = path.split("/", maxsplit=2)
    return f"{benchmark}/gallery/{name}"


def check_official_classes(index: Index, subset: Subset) -> None:
    """Check the published numbers of fine, middle and coarse training classes.

    Raises:
        DatasetError: If a number differs.
    """
    tree = index.select(split="train").place_label_tree
    found = tuple(len(np.unique(column)) for column in tree.T)
    if found != OFFICIAL_TRAIN_CLASSES[subset]:
        raise DatasetError(
            f"{index.root}: the train split has {found} fine, middle and coarse classes where DyML "
            f"has {OFFICIAL_TRAIN_CLASSES[subset]}; pass counts=None to use the data as it is"
        )


def _how_to_get(root: Path, subset: Subset, absent: Path) -> str:
    folders = sorted({part.folder for part in labelled_sets(subset)})
    files = "\n".join(f"  {root}/{part.file}" for part in labelled_sets(subset))
    return f"""DyML-{subset.capitalize()} is not in {root}: there is no {absent}.
Download it from {DOWNLOAD_PAGE} (links in its README) and unpack it so that there are
{files}
and the images in {", ".join(folders)}"""
