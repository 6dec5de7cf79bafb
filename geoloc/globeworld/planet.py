"""The planet: where land is, and what it looks like there."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoloc.geo.unit_sphere import latlon_of, unit_vectors
from geoloc.globeworld.spec import GlobeSpec, random_stream
from geoloc.globeworld.sphere_fields import SphereFields

Array = NDArray[np.float64]
LAND_OCTAVES = ((6000.0, 1.0), (1500.0, 0.45), (350.0, 0.2))  # range in km, weight
LAND_SAMPLES = 20_000


class Appearance(NamedTuple):
    """What a photo's position has in common with its surroundings; fields of variance 1, ``[P]``.

    Attributes:
        warmth, moisture: Climate.
        wall, roof, plant: Style: colour of walls and roofs, conifers or broad crowns.
        relief, haze, soil: Local: height of the hills, clearness of the air, colour of the soil.
        height: Above the sea, in standard deviations of the elevation; 0 at the coast.
    """

    warmth: Array
    moisture: Array
    wall: Array
    roof: Array
    plant: Array
    relief: Array
    haze: Array
    soil: Array
    height: Array


class Planet:
    """The random fields of a planet.

    Args:
        spec: Its parameters.
    """

    def __init__(self, spec: GlobeSpec) -> None:
        rng = random_stream(spec.seed, "land")
        self._elevation = [(SphereFields(rng, 1, km), weight) for km, weight in LAND_OCTAVES]
        self._sea_level = 0.0
        samples = self.height(uniform_vectors(rng, LAND_SAMPLES))
        self._sea_level = float(np.quantile(samples, 1 - spec.land_share))
        self.climate = SphereFields(random_stream(spec.seed, "climate"), 2, spec.climate_km)
        self.style = SphereFields(random_stream(spec.seed, "style"), 3, spec.style_km)
        self.local = SphereFields(random_stream(spec.seed, "local"), 3, spec.local_km)

    def height(self, vectors: Array) -> Array:
        """Return the height above the sea ``[P]`` at unit vectors ``[P, 3]``; negative at sea."""
        total = sum(weight * fields.at(vectors)[0] for fields, weight in self._elevation)
        return np.asarray(total - self._sea_level)

    def appearance(self, latlon: Array) -> Appearance:
        """Return the fields at positions (lat, lon) ``[P, 2]`` in degrees."""
        vectors = unit_vectors(latlon)
        fields = (fields.at(vectors) for fields in (self.climate, self.style, self.local))
        rows = [row for part in fields for row in part]
        return Appearance._make([*rows, self.height(vectors)])

    def land_positions(self, rng: np.random.Generator, count: int) -> Array:
        """Draw positions (lat, lon) ``[count, 2]`` in degrees, uniform over the land."""
        found: list[Array] = []
        while sum(map(len, found)) < count:
            vectors = uniform_vectors(rng, 4 * count)
            found.append(vectors[self.height(vectors) > 0])
        return degrees(np.concatenate(found)[:count])


def uniform_vectors(rng: np.random.Generator, count: int) -> Array:
    """Draw unit vectors ``[count, 3]``, uniform over the sphere."""
    z, turn = rng.uniform(-1, 1, count), rng.uniform(0, 2 * np.pi, count)
    across = np.sqrt(1 - z * z)
    return np.stack([across * np.cos(turn), across * np.sin(turn), z], axis=1)


def degrees(vectors: Array) -> Array:
    """Return vectors ``[n, 3]`` of any length as (lat, lon) ``[n, 2]`` to 1e-6 degrees."""
    rounded: Array = np.round(latlon_of(vectors), 6)
    return rounded
