"""OSV5M: five million street views of 225 countries.

(Astruc et al., OpenStreetView-5M, CVPR 2024, arXiv 2404.18873)

::

    <root>/train.csv, test.csv
    <root>/images/train/<shard>/<id>.jpg      the shard means nothing; photos are found by walking
    <root>/images/test/<shard>/<id>.jpg

Columns ``id, latitude, longitude`` are needed. Of the others, ``unique_city``,
``unique_sub-region``, ``unique_region`` and ``unique_country`` become labels where they are there.

Evidence. Layout, coordinate normalisation and validation split: known from the official code. Names
of the columns: the loader on the dataset's page (secondary). 4,894,685 train and 210,122 test
photos: recalled, hence not insisted on.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoloc.datasets.density_split import density_validation
from geoloc.datasets.index import COLUMNS, Index
from geoloc.datasets.numbered_photos import find_numbered_photos
from geoloc.datasets.photo_table import PhotoTable, read_photo_table
from geoloc.datasets.source import Source
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError
from geoloc.geo.gazetteer import AREA_LEVELS
from geoloc.registry import DATASETS

PROJECT_PAGE = "https://huggingface.co/datasets/osv5m/osv5m"
THRESHOLDS_M = (1e3, 25e3, 200e3, 750e3, 2500e3)  # street, city, region, country, continent
VIEW = "photo"
SPLITS = ("train", "test")
OFFICIAL_VALIDATION_SHARE, OFFICIAL_SEED = 0.1, 42


@DATASETS.register_module()
class OSV5M(Source):
    """The OSV5M dataset, or anything else in its layout.

    Splits are ``train``, ``test`` and, if asked for, ``val``; the view is ``photo``. Every photo is
    a place of its own, whose number is its id.

    Args:
        data_root: Folder that holds ``train.csv`` and ``test.csv``.
        splits: Which of them to read.
        val_share: Share of the train photos that become ``val``, drawn so that crowded parts of
            the world give fewer: 0.1 officially, 0 for none. See ``density_validation``.
        val_seed: Seed of the draw, officially 42.
        thresholds_m: Bounds of the relevance levels in metres, nearest first.

    Raises:
        DatasetNotFoundError: If the dataset is not there; the message tells how to get it.
        IndexFormatError: At the first line that cannot be used, as ``file:line: reason``.
        DatasetError: If images are missing or doubled, or an id is in both splits.
        ConfigError: If a split is unknown, or the share out of range.
    """

    def __init__(
        self,
        data_root: str | Path,
        splits: Sequence[str] = SPLITS,
        val_share: float = 0.0,
        val_seed: int = OFFICIAL_SEED,
        thresholds_m: Sequence[float] = THRESHOLDS_M,
    ) -> None:
        index = read_osv5m(Path(data_root), splits, val_share, val_seed)
        super().__init__("OSV5M", index, thresholds_m, looked_up=True)


def read_osv5m(
    root: Path,
    splits: Sequence[str] = SPLITS,
    val_share: float = 0.0,
    val_seed: int = OFFICIAL_SEED,
) -> Index:
    """Read the tables and find the photos; arguments and errors as :class:`OSV5M`."""
    if not splits or not set(splits) <= set(SPLITS) or len(set(splits)) < len(splits):
        raise ConfigError(f"OSV5M splits={splits!r} must name some of {', '.join(SPLITS)}, once")
    if not 0 <= val_share < 1:
        raise ConfigError(f"OSV5M val_share={val_share} must be in 0 .. 1, 1 excluded")
    if val_share and "train" not in splits:
        raise ConfigError(f"OSV5M val_share={val_share} needs the split train; add it to splits")
    parts = [_read_split(root, split, val_share, val_seed) for split in splits]
    if len(parts) == 1:
        return parts[0]
    common = np.intersect1d(parts[0].place, parts[1].place)
    if len(common):
        raise DatasetError(
            f"{root}: id {common[0]} is in {' and in '.join(f'{name}.csv' for name in splits)}; "
            "a photo has one split"
        )
    return _joined(parts)


def _read_split(root: Path, split: str, val_share: float, val_seed: int) -> Index:
    file = root / f"{split}.csv"
    if not file.is_file():
        raise DatasetNotFoundError(_how_to_get(root, file))
    columns = [f"unique_{level}" for level in AREA_LEVELS]
    table = read_photo_table(file, "id", "latitude", "longitude", columns)
    number = _numbers(table)
    there, path = find_numbered_photos(root, f"images/{split}").find(number)
    if not there.all():
        row = int(np.flatnonzero(~there)[0])
        raise DatasetError(
            f"{(~there).sum()} of {len(there)} photos are not below {root / 'images' / split}, the "
            f"first is {number[row]}.jpg ({file}:{table.line(row)}); unpack all shards there or "
            "take their rows out of the table"
        )
    parts = np.full(len(number), split)
    if split == "train" and val_share:
        parts = np.where(density_validation(table.latlon, val_share, val_seed), "val", parts)
    names = tuple(name.removeprefix("unique_") for name in table.text_columns)
    return Index(
        path,
        np.full(len(number), VIEW),
        number,
        table.latlon[:, 0],
        table.latlon[:, 1],
        parts,
        root,
        labels=table.code,
        label_names=names,
        label_texts=table.text,
    )


def _numbers(table: PhotoTable) -> NDArray[np.int64]:
    """Return the ids as numbers; refuse others, and those that come twice."""
    digits = np.char.isdigit(table.name) & (np.char.str_len(table.name) <= 18)
    for row in np.flatnonzero(~digits)[:1].tolist():
        table.fail(row, f"id {str(table.name[row])!r} must be a whole number")
    number = table.name.astype(np.int64)
    order = np.argsort(number, kind="stable")
    twice = order[1:][number[order[1:]] == number[order[:-1]]]
    if len(twice):
        row = int(twice.min())
        first = int(np.flatnonzero(number == number[row])[0])
        table.fail(row, f"id {number[row]} is already in line {table.line(first)}")
    return number


def _joined(parts: Sequence[Index]) -> Index:
    """Return the rows of two parts as one index; labels are numbered through."""
    one, other = parts
    names = tuple(name for name in one.label_names if name in other.label_names)
    texts, columns = [], []
    for name in names:
        k, j = one.label_names.index(name), other.label_names.index(name)
        numbers = {text: number for number, text in enumerate(one.label_texts[k])}
        new = [numbers.setdefault(text, len(numbers)) for text in other.label_texts[j]]
        translated = np.array(new, dtype=np.int64)[other.labels[:, j]]
        columns.append(np.concatenate([one.labels[:, k], translated]))
        texts.append(tuple(numbers))
    size = len(one) + len(other)
    rows = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    return Index(
        **rows,
        root=one.root,
        labels=np.stack(columns, axis=1) if columns else np.empty((size, 0), np.int64),
        label_names=names,
        label_texts=tuple(texts),
    )


def _how_to_get(root: Path, absent: Path) -> str:
    return f"""OSV5M is not in {root}: there is no {absent}.
Download it from {PROJECT_PAGE} and unpack the shards so that the folder reads
  {root}/
    train.csv  test.csv
    images/train/<shard>/<id>.jpg  images/test/<shard>/<id>.jpg
or render a stand-in with python tools/make_globeworld.py {root}"""
