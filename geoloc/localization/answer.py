"""What a gallery says about photos."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoloc.geo.geodesy import geodesic_distance

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
        return geodesic_distance([self.position], self.latlon)[0]

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
