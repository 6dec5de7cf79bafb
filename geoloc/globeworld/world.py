"""The whole planet in memory: every photo as a scene, and its areas."""

from typing import NamedTuple

from PIL import Image

from geoloc.geo.gazetteer import Areas
from geoloc.globeworld.areas import Settlement, settle
from geoloc.globeworld.photos import LANDMARK_SIGHT_KM, Photos, take_photos
from geoloc.globeworld.planet import Appearance, Planet
from geoloc.globeworld.render import Scene, render_photo
from geoloc.globeworld.roadside import RoadSigns, country_signs
from geoloc.globeworld.spec import GlobeSpec, random_stream


class World(NamedTuple):
    """Everything but the pixels.

    Attributes:
        spec: Its parameters.
        planet: Its fields.
        settlement: Its towns.
        photos: Where photos are taken.
        appearance: The fields there.
        signs: Road signs of every country.
        areas: Areas of the photos by level, as a gazetteer of the towns tells them.
    """

    spec: GlobeSpec
    planet: Planet
    settlement: Settlement
    photos: Photos
    appearance: Appearance
    signs: list[RoadSigns]
    areas: Areas

    def scene(self, row: int) -> Scene:
        """Return what the place of a photo determines."""
        photos = self.photos
        nearness = max(0.0, 1 - float(photos.landmark_km[row]) / LANDMARK_SIGHT_KM)
        signs = self.signs[int(self.settlement.country[photos.town[row]])]
        fields = [float(field[row]) for field in self.appearance]
        urban, landmark = float(photos.urban[row]), int(photos.landmark[row])
        return Scene._make([*fields, urban, landmark, nearness, signs])

    def render(self, row: int, size: int | None = None) -> Image.Image:
        """Return a photo, in the world's size or in another one."""
        rng = random_stream(self.spec.seed, "image", int(self.photos.number[row]))
        return render_photo(self.scene(row), rng, size or self.spec.image_size)


def make_world(spec: GlobeSpec) -> World:
    """Return the world of some parameters."""
    planet = Planet(spec)
    settlement = settle(planet, spec)
    photos = take_photos(planet, settlement, spec)
    signs = random_stream(spec.seed, "areas", 1)
    return World(
        spec,
        planet,
        settlement,
        photos,
        planet.appearance(photos.latlon),
        [country_signs(signs) for _ in range(spec.countries)],
        settlement.gazetteer.areas(photos.latlon),
    )
