"""Countries, regions, sub-regions and towns: nested Voronoi cells of random sites on land."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoloc.geo.gazetteer import Gazetteer, Town
from geoloc.geo.sphere_index import SphereIndex
from geoloc.globeworld.planet import Planet
from geoloc.globeworld.spec import COUNTRY_CODES, GlobeSpec, random_stream

REGIONS_PER_COUNTRY, SUB_REGIONS_PER_REGION = 4, 3
BIGGEST_TOWN_KM, SMALLEST_TOWN_KM = 14.0, 1.5
ONSETS = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "st", "br", "kr", "sh")
VOWELS = ("a", "e", "i", "o", "u", "ai", "ea")
CODAS = ("", "", "n", "r", "l", "s", "nd")


class Settlement(NamedTuple):
    """The towns of a planet, the biggest first.

    Attributes:
        latlon: Their (lat, lon) in degrees, float64 ``[T, 2]``.
        towns: Their names and areas.
        country: Number of their country, int64 ``[T]``.
        radius_km: Their size, float64 ``[T]``.
    """

    latlon: NDArray[np.float64]
    towns: list[Town]
    country: NDArray[np.int64]
    radius_km: NDArray[np.float64]

    @property
    def gazetteer(self) -> Gazetteer:
        """What tells the areas of a position."""
        return Gazetteer(self.latlon, self.towns)


def settle(planet: Planet, spec: GlobeSpec) -> Settlement:
    """Return the towns; a town has the areas of the site nearest to it, level by level."""
    rng = random_stream(spec.seed, "areas")
    regions = spec.countries * REGIONS_PER_COUNTRY
    counts = (spec.countries, regions, regions * SUB_REGIONS_PER_REGION, spec.towns)
    countries, provinces, districts, towns = (planet.land_positions(rng, n) for n in counts)
    province_country = SphereIndex(countries).nearest(provinces).row[:, 0]
    district_province = SphereIndex(provinces).nearest(districts).row[:, 0]
    district = SphereIndex(districts).nearest(towns).row[:, 0]
    names = [different_names(rng, n) for n in counts[1:]]
    province = district_province[district]
    country = province_country[province]
    rows = zip(names[2], province.tolist(), district.tolist(), country.tolist(), strict=True)
    named = [Town(name, names[0][p], names[1][d], COUNTRY_CODES[c]) for name, p, d, c in rows]
    rank = np.arange(1, spec.towns + 1)  # sizes fall with the rank, as Zipf found
    radius = np.maximum(BIGGEST_TOWN_KM / np.sqrt(rank), SMALLEST_TOWN_KM)
    return Settlement(towns, named, country, radius)


def different_names(rng: np.random.Generator, count: int) -> list[str]:
    """Return names of two or three syllables, no two the same."""
    names: dict[str, None] = {}
    while len(names) < count:
        syllables = [
            str(rng.choice(ONSETS)) + str(rng.choice(VOWELS)) for _ in range(rng.integers(2, 4))
        ]
        names["".join(syllables).capitalize() + str(rng.choice(CODAS))] = None
    return list(names)
