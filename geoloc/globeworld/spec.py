"""What a GlobeWorld is made of: its parameters and its random streams."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from geoloc.errors import ConfigError

GENERATOR_VERSION = 1
"""Raised whenever the same parameters give other images, so that old folders are refused."""

STREAMS = ("land", "climate", "style", "local", "areas", "landmarks", "photos", "image")
COUNTRY_CODES = ("AA", *(f"Q{x}" for x in "MNOPQRSTUVWXYZ"), *(f"X{x}" for x in "ABCDEFGHIJ"))
COUNTRY_CODES = (*COUNTRY_CODES, *(f"X{x}" for x in "LMNOPQRSTUVWXYZ"))
"""Codes that ISO 3166-1 leaves to users, without XK, which stands for Kosovo."""


@dataclass(frozen=True)
class GlobeSpec:
    """All parameters of a planet; together with the generator version they fix every byte.

    Attributes:
        seed: Entropy of every random stream, ``0 <= seed < 2**32``.
        train_photos: Number of train photos.
        test_photos: Number of test photos, at least ``separation_km`` from any train photo.
        image_size: Side of every image in px.
        climate_km: Range of the climate: the distance at which its semivariogram has 95 % of
            its sill.
        style_km: Range of the style of buildings and plants.
        local_km: Range of relief, haze and light soil or dark.
        land_share: Share of the planet that is land.
        countries: Number of countries, each with road signs of its own.
        towns: Number of named towns, which make the areas.
        town_share: Share of the photos taken in and around towns; the others lie anywhere on land.
        landmark_kinds: Number of kinds of landmarks.
        landmark_sites: How often each kind stands on the planet, far apart.
        separation_km: Least distance of a test photo from all train photos.
    """

    seed: int = 0
    train_photos: int = 6000
    test_photos: int = 1000
    image_size: int = 64
    climate_km: float = 5000.0
    style_km: float = 1000.0
    local_km: float = 150.0
    land_share: float = 0.35
    countries: int = 36
    towns: int = 900
    town_share: float = 0.6
    landmark_kinds: int = 12
    landmark_sites: int = 5
    separation_km: float = 1.0

    def __post_init__(self) -> None:
        least = {"train_photos": 1, "test_photos": 1, "image_size": 16, "countries": 1, "towns": 1}
        for name, floor in least.items():
            if getattr(self, name) < floor:
                raise ConfigError(
                    f"GlobeWorld: {name}={getattr(self, name)} is too small; use {floor} or more."
                )
        if self.countries > len(COUNTRY_CODES):
            raise ConfigError(
                f"GlobeWorld: countries={self.countries} is too large; there are codes for "
                f"{len(COUNTRY_CODES)}."
            )
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"GlobeWorld: seed={self.seed} must be in 0 .. 2**32 - 1.")
        if not 100 <= min(self.ranges_km) <= max(self.ranges_km) <= 20000:
            raise ConfigError(f"GlobeWorld: ranges {self.ranges_km} km must be in 100 .. 20000.")
        if not 0.05 <= self.land_share <= 1:
            raise ConfigError(f"GlobeWorld: land_share={self.land_share} must be in 0.05 .. 1.")
        if not 0 <= self.town_share <= 1:
            raise ConfigError(f"GlobeWorld: town_share={self.town_share} must be in 0 .. 1.")
        if not 0 <= self.separation_km <= 10:
            raise ConfigError(f"GlobeWorld: separation_km={self.separation_km} must be in 0 .. 10.")
        if not (0 <= self.landmark_kinds <= 48 and 1 <= self.landmark_sites <= 8):
            raise ConfigError(
                f"GlobeWorld: landmark_kinds={self.landmark_kinds} must be in 0 .. 48 and "
                f"landmark_sites={self.landmark_sites} in 1 .. 8."
            )

    @property
    def ranges_km(self) -> tuple[float, float, float]:
        """The ranges of climate, style and local fields."""
        return self.climate_km, self.style_km, self.local_km

    def parameters(self) -> dict[str, Any]:
        """Return what ``globeworld.json`` records: every parameter and the version."""
        return {"generator_version": GENERATOR_VERSION, **asdict(self)}


def random_stream(seed: int, name: str, number: int = 0) -> np.random.Generator:
    """Return the random generator of one part of a planet, ``name`` one of ``STREAMS``."""
    entropy = [seed, STREAMS.index(name) + 1, number + 1]
    return np.random.default_rng(np.random.SeedSequence(entropy))
