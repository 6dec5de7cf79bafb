"""What a gallery says about photos."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoloc.errors import ConfigError
from geoloc.geo.geodesy import geodesic_distance
from geoloc.whole_files import write_whole

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answer:
    """The places that a gallery offers for one photo, the best first.

    Attributes:
        photo: The photo's file.
        rows: Rows of the places in the gallery, int64 ``[k]``.
        latlon: Their (lat, lon) in degrees, float64 ``[k, 2]``.
        scores: Their similarity to the photo, the higher the better, float32 ``[k]``.
        images: Their image files, as far as the gallery has files; ``k`` or none.
        position: Where the photo says it was taken, (lat, lon) in degrees; None if it does not.
        estimate: Where it was probably taken, (lat, lon) in degrees.
        radius_m: Radius about the estimate that holds the true position with probability
            ``confidence``, in m; None without calibration.
        confidence: The probability that ``radius_m`` was calibrated for.
    """

    photo: Path
    rows: NDArray[np.int64]
    latlon: Array
    scores: NDArray[np.float32]
    images: tuple[Path, ...] = ()
    position: tuple[float, float] | None = None
    estimate: tuple[float, float] | None = None
    radius_m: float | None = None
    confidence: float | None = None

    @property
    def distances_m(self) -> Array | None:
        """Metres from every place to the photo's own position ``[k]``; None without one."""
        if self.position is None:
            return None
        distances: Array = geodesic_distance([self.position], self.latlon)[0]
        return distances

    @property
    def error_m(self) -> float | None:
        """Metres from the estimate to the photo's own position; None if either is missing."""
        if self.position is None or self.estimate is None:
            return None
        return float(geodesic_distance([self.position], [self.estimate])[0, 0])


@dataclass(frozen=True)
class Unread:
    """A file that was not localized, and why.

    Attributes:
        file: The file.
        reason: One sentence.
    """

    file: Path
    reason: str


class Answers(Sequence[Answer]):
    """The answers about some photos, and the files that had none.

    Args:
        answers: One per photo that was read.
        unread: The other files, so that every file is accounted for.
    """

    def __init__(self, answers: Sequence[Answer], unread: Sequence[Unread] = ()) -> None:
        self.answers = tuple(answers)
        self.unread = tuple(unread)

    def __len__(self) -> int:
        return len(self.answers)

    def __getitem__(self, item: Any) -> Any:
        return self.answers[item]

    def __iter__(self) -> Iterator[Answer]:
        return iter(self.answers)

    @property
    def errors_m(self) -> Array:
        """Errors of the estimates in m, of the photos that know their position, ``[n]``."""
        errors = [answer.error_m for answer in self]
        return np.array([error for error in errors if error is not None])

    def to_rows(self, per: str = "photo") -> list[dict[str, Any]]:
        """Return a dict per photo, or per photo and place.

        Args:
            per: ``photo`` or ``place``; ``answer_table`` lists the columns.

        Raises:
            ConfigError: If ``per`` is something else.
        """
        return self._table(per)[1]

    def to_csv(self, path: str | Path, per: str = "photo") -> None:
        """Write what ``to_rows`` returns as a CSV file."""
        from geoloc.localization.answer_table import write_csv

        write_csv(path, *self._table(per))

    def to_dataframe(self, per: str = "photo") -> Any:
        """Return what ``to_rows`` returns as a pandas ``DataFrame``.

        Raises:
            ConfigError: If pandas is not installed.
        """
        columns, rows = self._table(per)
        try:
            from pandas import DataFrame
        except ImportError:
            raise ConfigError(
                "to_dataframe needs pandas: pip install pandas; to_rows and to_csv do without"
            ) from None
        return DataFrame(rows, columns=list(columns))

    def to_geojson(self, path: str | Path | None = None) -> dict[str, Any]:
        """Return the answers as a GeoJSON FeatureCollection, and write it if a file is given.

        ``answer_geojson.feature_collection`` says what it holds.
        """
        from geoloc.localization.answer_geojson import feature_collection

        collection = feature_collection(self)
        if path is not None:
            write_whole(path, json.dumps(collection, allow_nan=False) + "\n")
        return collection

    def _table(self, per: str) -> tuple[Sequence[str], list[dict[str, Any]]]:
        from geoloc.localization import answer_table

        if per == "photo":
            return answer_table.PHOTO_COLUMNS, answer_table.photo_rows(self)
        if per == "place":
            return answer_table.PLACE_COLUMNS, answer_table.place_rows(self)
        raise ConfigError(f"per={per!r} must be 'photo' or 'place'")
