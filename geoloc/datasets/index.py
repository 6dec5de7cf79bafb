"""The common index: one row per image, whatever layout the dataset has on disk."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoloc.datasets.table import (
    ALSO_PREFIX,
    CAMERA_COLUMNS,
    LABEL_PREFIX,
    RowCollector,
    read_table,
)
from geoloc.errors import ConfigError

COLUMNS = ("path", "view", "place", "lat", "lon", "split")


@dataclass(frozen=True, eq=False)
class Index:
    """The images of a dataset.

    Attributes:
        path: Image files relative to ``root``, ``/``-separated, str ``[n]``.
        view: Platform of each image (``satellite``, ``drone``, ``street`` ...), str ``[n]``.
        place: Id of the place each image shows, int64 ``[n]``; equal ids, equal position.
        lat: WGS-84 latitude of the place in degrees, float64 ``[n]``; NaN throughout for a dataset
            without positions.
        lon: WGS-84 longitude of the place in degrees, float64 ``[n]``.
        split: Part of the dataset (``train``, ``val``, ``test`` ...), str ``[n]``.
        root: Folder that ``path`` is relative to.
        labels: Coarser labels of the place, the finest first, int64 ``[n, K]``; K is 0 for a
            dataset without a tree of labels.
        label_names: The names of these columns.
        label_texts: For every label column the texts that its labels count in, or ``()`` for
            labels that are bare numbers. Index files hold the numbers only.
        also_shows: Ids of further places that an image shows, though not as well as its own: the
            semi-positives of a VIGOR panorama. int64 ``[n, S]``, -1 for none; S is 0 for a dataset
            without them.
        camera_latlon: Where each image was taken, (lat, lon) in degrees, if that is not the
            position of its place: a VIGOR panorama is off the centre of its tile. float64
            ``[n, 2]``, or ``[n, 0]``.
    """

    path: NDArray[np.str_]
    view: NDArray[np.str_]
    place: NDArray[np.int64]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    split: NDArray[np.str_]
    root: Path
    labels: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))
    label_names: tuple[str, ...] = ()
    label_texts: tuple[tuple[str, ...], ...] = ()
    also_shows: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))
    camera_latlon: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))

    def __post_init__(self) -> None:
        kinds = (np.str_, np.str_, np.int64, np.float64, np.float64, np.str_)
        for name, kind in zip(COLUMNS, kinds, strict=True):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=kind))
        object.__setattr__(self, "root", Path(self.root))
        object.__setattr__(self, "label_names", tuple(self.label_names))
        shape = (len(self.path), len(self.label_names))
        object.__setattr__(self, "labels", np.asarray(self.labels, dtype=np.int64).reshape(shape))
        for name, kind in (("also_shows", np.int64), ("camera_latlon", np.float64)):
            table = np.asarray(getattr(self, name), dtype=kind)
            table = table if table.size else table.reshape(len(self.path), 0)
            object.__setattr__(self, name, table)
        lengths = {name: getattr(self, name).shape for name in COLUMNS}
        lengths |= {name: getattr(self, name).shape[:1] for name in ("also_shows", "camera_latlon")}
        if len(set(lengths.values())) != 1 or self.path.ndim != 1:
            raise ConfigError(f"the columns of an index must be lists of one length, got {lengths}")

    @classmethod
    def read_csv(cls, path: str | Path, root: str | Path | None = None) -> "Index":
        """Read an index file.

        Args:
            path: UTF-8 CSV file with the header ``path,view,place,lat,lon,split``, after which
                label columns ``label_<name>`` may follow, columns ``also_<k>`` of further places,
                and ``camera_lat``, ``camera_lon``. ``lat`` and ``lon`` are empty throughout for a
                dataset without positions.
            root: Folder of the images; by default the folder of the file.

        Raises:
            IndexFormatError: At the first line that cannot be used, as ``file:line: reason``.
            DatasetNotFoundError: If there is no such file.
        """
        file = Path(path)
        rows = RowCollector(file)
        more = (LABEL_PREFIX, ALSO_PREFIX, *CAMERA_COLUMNS)
        for line, row in read_table(file, COLUMNS, delimiter=",", exact=True, more=more):
            rows.add(file, line, row)
        return cls(**rows.columns(), root=Path(root) if root is not None else file.parent)

    def to_csv(self, path: str | Path) -> None:
        """Write the index file that ``read_csv`` reads back exactly."""
        with open(path, "w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            names = [LABEL_PREFIX + name for name in self.label_names]
            names += [f"{ALSO_PREFIX}{k + 1}" for k in range(self.also_shows.shape[1])]
            names += CAMERA_COLUMNS[: self.camera_latlon.shape[1]]
            writer.writerow((*COLUMNS, *names))
            # tolist() gives Python floats, whose repr reads back as the same number
            columns = [getattr(self, name).tolist() for name in COLUMNS]
            if not self.has_positions:
                columns[3:5] = [[""] * len(self)] * 2
            for table in (self.labels, self.also_shows, self.camera_latlon):
                columns += table.T.tolist()
            writer.writerows(zip(*columns, strict=True))

    def __len__(self) -> int:
        return self.path.size

    @property
    def has_positions(self) -> bool:
        """Whether the places have positions on Earth."""
        return not np.isnan(self.lat).any()

    def file(self, row: int) -> Path:
        """Return the image file of a row."""
        return self.root / str(self.path[row])

    def take(self, rows: ArrayLike) -> "Index":
        """Return the given rows (positions or a mask) in that order."""
        chosen = np.asarray(rows)
        names = (*COLUMNS, "labels", "also_shows", "camera_latlon")
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})

    def select(
        self, split: str | Sequence[str] | None = None, view: str | Sequence[str] | None = None
    ) -> "Index":
        """Return the rows of one or several splits and views, in index order."""
        chosen = np.ones(len(self), dtype=bool)
        for column, names in ((self.split, split), (self.view, view)):
            if names is not None:
                chosen &= np.isin(column, [names] if isinstance(names, str) else list(names))
        return self.take(chosen)

    @cached_property
    def _grouping(self) -> tuple[NDArray[np.int64], NDArray[np.intp], NDArray[np.int64]]:
        places, first, labels = np.unique(self.place, return_index=True, return_inverse=True)
        return places, first, labels.astype(np.int64, copy=False)

    @property
    def places(self) -> NDArray[np.int64]:
        """The place ids in ascending order, int64 ``[C]``."""
        return self._grouping[0]

    @property
    def place_labels(self) -> NDArray[np.int64]:
        """The position of each row's place in ``places``, int64 ``[n]``."""
        return self._grouping[2]

    @property
    def place_latlon(self) -> NDArray[np.float64]:
        """The (lat, lon) in degrees of each of ``places``, float64 ``[C,2]``."""
        first = self._grouping[1]
        return np.stack([self.lat[first], self.lon[first]], axis=1)

    @property
    def image_latlon(self) -> NDArray[np.float64]:
        """The (lat, lon) in degrees where each image was taken, float64 ``[n, 2]``."""
        if self.camera_latlon.size:
            return self.camera_latlon
        return np.stack([self.lat, self.lon], axis=1)

    @property
    def also_labels(self) -> NDArray[np.int64]:
        """The positions of ``also_shows`` in ``places``, int64 ``[n, S]``; -1 if not there."""
        if not len(self):
            return self.also_shows
        position = np.searchsorted(self.places, self.also_shows).clip(max=len(self.places) - 1)
        return np.where(self.places[position] == self.also_shows, position, -1)

    def label_text(self, name: str) -> NDArray[np.str_]:
        """Return the text of a label for every row, str ``[n]``.

        Raises:
            ConfigError: If there is no such label, or it has no texts.
        """
        texts = dict(zip(self.label_names, self.label_texts, strict=False)).get(name)
        if texts is None:
            named = ", ".join(self.label_names[: len(self.label_texts)]) or "none"
            raise ConfigError(f"label {name!r} has no texts; those that have are {named}")
        return np.array(texts, dtype=np.str_)[self.labels[:, self.label_names.index(name)]]

    @property
    def place_label_tree(self) -> NDArray[np.int64]:
        """The labels of each of ``places``, itself first, int64 ``[C, 1 + K]``."""
        places, first, _ = self._grouping
        return np.column_stack([np.arange(len(places)), self.labels[first]])
