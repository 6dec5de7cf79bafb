"""What a CampusWorld is made of: its parameters, its campuses and its random streams."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from geoloc.errors import ConfigError

GENERATOR_VERSION = 1
"""Raised whenever the same parameters give other images, so that old folders are refused."""


@dataclass(frozen=True)
class WorldSpec:
    """All parameters of a world; together with the generator version they fix every byte.

    Attributes:
        seed: Entropy of every random stream, ``0 <= seed < 2**32``.
        train_places: Number of train places.
        test_places: Number of test places, on campuses of their own.
        views: Drone images of each place.
        image_size: Side of every image in px.
        places_per_campus: Places on a full campus; sets how many campuses there are.
        tile_m: Side of the ground square that a satellite image shows, in m.
        campus_style: Share of the variance of every style that a whole campus has in common,
            0 .. 1; the rest drifts over the campus. At 0 campuses look alike as wholes.
    """

    seed: int = 0
    train_places: int = 450
    test_places: int = 300
    views: int = 60
    image_size: int = 256
    places_per_campus: int = 75
    tile_m: float = 340.0
    campus_style: float = 0.0

    def __post_init__(self) -> None:
        least = {
            "train_places": 1,
            "test_places": 1,
            "views": 1,
            "image_size": 16,
            "places_per_campus": 1,
        }
        for name, floor in least.items():
            value = getattr(self, name)
            if value < floor:
                raise ConfigError(f"CampusWorld: {name}={value} is too small; use {floor} or more.")
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"CampusWorld: seed={self.seed} must be in 0 .. 2**32 - 1.")
        if not 0 <= self.campus_style <= 1:
            raise ConfigError(f"CampusWorld: campus_style={self.campus_style} must be in 0 .. 1.")

    @property
    def cell_m(self) -> float:
        """Side of a map cell in m, about half of what the sharpest pixel sees."""
        return 0.5 if self.image_size > 128 else 1.0

    @property
    def image_count(self) -> int:
        """Number of images of the whole world."""
        return (self.train_places + self.test_places) * (self.views + 1)

    def parameters(self) -> dict[str, Any]:
        """Return what ``campusworld.json`` records: every parameter and the version.

        A ``campus_style`` of 0 is not recorded, so that worlds written before it existed count as
        what they are.
        """
        recorded = {"generator_version": GENERATOR_VERSION, **asdict(self)}
        if not self.campus_style:
            del recorded["campus_style"]
        return recorded


PRESETS = {
    "mini": WorldSpec(train_places=375, test_places=225, views=6, image_size=128),
    "dacampus": WorldSpec(),
}
"""``mini`` trains a small network in minutes; ``dacampus`` has the counts of DA-Campus."""


@dataclass(frozen=True)
class CampusPlan:
    """Which places a campus holds: classes ``first_class .. first_class + places - 1``."""

    index: int
    split: str
    first_class: int
    places: int


def plan_campuses(spec: WorldSpec) -> Iterator[CampusPlan]:
    """Yield the campuses, train first; no campus serves both splits.

    A split of four or more places has at least two campuses, so that even a tiny world holds
    pairs beyond the last distance threshold.
    """
    index, first_class = 0, 1
    for split, total in (("train", spec.train_places), ("test", spec.test_places)):
        count = max(1, round(total / spec.places_per_campus), min(2, total // 2))
        for number in range(count):
            places = total // count + (number < total % count)
            yield CampusPlan(index, split, first_class, places)
            index += 1
            first_class += places


def random_stream(seed: int, campus: int, place: int = -1, view: int = -1) -> np.random.Generator:
    """Return the random generator of a campus, of a place on it, or of a view of that place.

    ``SeedSequence`` pads its entropy with zeros, so ``[s, c]`` and ``[s, c, 0]`` are one stream;
    the numbers are shifted by one to keep "no place" apart from place 0.
    """
    return np.random.default_rng(np.random.SeedSequence([seed, campus + 1, place + 1, view + 1]))
