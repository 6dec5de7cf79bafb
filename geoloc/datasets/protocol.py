"""What a result was measured on: counts, thresholds and a fingerprint of the rows."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from geoloc.datasets.index import Index

ROWS_PER_BLOCK = 50_000


@dataclass(frozen=True)
class Protocol:
    """The test conditions that two results must share to be comparable.

    Attributes:
        dataset: Name of the dataset.
        splits: For every split ``{"places": int, "images": {view: int}}``.
        thresholds_m: Bounds of the relevance levels in metres, nearest first.
        fingerprint: First 12 hexadecimal digits of the SHA-256 of all index rows.
    """

    dataset: str
    splits: dict[str, dict[str, Any]]
    thresholds_m: tuple[float, ...]
    fingerprint: str

    @classmethod
    def of(cls, dataset: str, index: Index, thresholds_m: Sequence[float]) -> "Protocol":
        """Describe an index."""
        names = [str(name) for name in np.unique(index.split)]
        splits = {name: _counts(index.select(split=name)) for name in names}
        return cls(dataset, splits, tuple(map(float, thresholds_m)), fingerprint(index))

    def as_dict(self) -> dict[str, Any]:
        """Return the protocol as str, int, float, list and dict only.

        It is stored in checkpoints that load with ``weights_only=True``, and in JSON files.
        """
        return {
            "dataset": self.dataset,
            "splits": self.splits,
            "thresholds_m": list(self.thresholds_m),
            "fingerprint": self.fingerprint,
        }


def fingerprint(index: Index, digits: int = 12) -> str:
    """Return a short hash of the rows in any order.

    A row is (view, place, lat, lon, split, path) and what else the index has of it.
    """
    columns = [index.view, index.place, index.lat, index.lon, index.split, index.path]
    columns += [*index.labels.T, *index.also_shows.T, *index.camera_latlon.T]
    rows = sorted(zip(*(column.tolist() for column in columns), strict=True))
    digest = hashlib.sha256()
    for start in range(0, len(rows), ROWS_PER_BLOCK):  # the text of all rows can be gigabytes
        # repr quotes the strings and keeps every digit
        text = "\n".join(map(repr, rows[start : start + ROWS_PER_BLOCK]))
        digest.update((f"\n{text}" if start else text).encode())
    return digest.hexdigest()[:digits]


def _counts(part: Index) -> dict[str, Any]:
    views, images = np.unique(part.view, return_counts=True)
    return {
        "places": len(part.places),
        "images": dict(zip(views.tolist(), images.tolist(), strict=True)),
    }
