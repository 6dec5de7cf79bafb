"""Rendering a photo: a road through the landscape of its place."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from geoloc.globeworld.landmark_shapes import draw_landmark
from geoloc.globeworld.landscape import draw_ground, draw_hills, draw_sea, draw_sky
from geoloc.globeworld.palette import Palette, mix, palette, unit
from geoloc.globeworld.roadside import (
    ROAD_HALF_WIDTH,
    House,
    RoadSigns,
    draw_house,
    draw_pole,
    draw_road,
    draw_tree,
)
from geoloc.globeworld.view import View

SUPERSAMPLING = 3
COAST_HEIGHT = 0.06
NOISE = 2.5


class Scene(NamedTuple):
    """What the place of a photo determines; the rest is chance.

    Attributes:
        warmth, moisture, wall, roof, plant, relief, haze, soil, height: See ``Appearance``.
        urban: 1 in the middle of a town, 0 in the country.
        landmark: Kind of landmark in sight, -1 for none.
        nearness: Of the landmark, 0 .. 1.
        signs: Those of the country's roads.
    """

    warmth: float
    moisture: float
    wall: float
    roof: float
    plant: float
    relief: float
    haze: float
    soil: float
    height: float
    urban: float
    landmark: int
    nearness: float
    signs: RoadSigns


def render_photo(scene: Scene, rng: np.random.Generator, size: int) -> Image.Image:
    """Return the photo of a scene, ``size`` px a side.

    Args:
        scene: What the place determines.
        rng: What it does not: direction, weather, what stands where, exposure.
        size: In px.
    """
    side = size * SUPERSAMPLING
    view = View(side, side * rng.uniform(0.42, 0.52), side * rng.uniform(0.34, 0.66))
    colours = palette(scene.warmth, scene.moisture, scene.wall, scene.roof, scene.soil, scene.haze)
    light = float(rng.uniform(0.82, 1.08))  # on what faces the camera
    cloudy = float(np.clip(unit(scene.moisture) * 0.7 + rng.uniform(-0.25, 0.35), 0, 1))
    sky = draw_sky(rng, view, colours, cloudy)
    ground = draw_ground(rng, view, colours, 0.5)
    picture = _picture(np.where(np.arange(side)[:, None, None] < view.horizon, sky, ground))
    draw = ImageDraw.Draw(picture)
    cold = float(np.clip(-scene.warmth / 2 + 0.1, 0, 0.8))
    draw_hills(rng, draw, view, colours, unit(scene.relief) ** 1.5, cold)
    if scene.height < COAST_HEIGHT:
        draw_sea(draw, view, colours, 0.05 + 0.2 * (1 - scene.height / COAST_HEIGHT))
    if scene.landmark >= 0:
        x = view.vanish + side * float(rng.uniform(0.14, 0.3)) * (1 if rng.random() < 0.5 else -1)
        tall = view.horizon * (0.35 + 0.5 * scene.nearness)
        draw_landmark(draw, scene.landmark, x, view.horizon + 1, tall, light)
    draw_road(draw, view, colours, scene.signs, min(1.0, 0.55 + scene.urban + 0.2 * scene.roof))
    _draw_roadside(draw, view, scene, colours, rng, light)
    small = np.asarray(picture.reduce(SUPERSAMPLING), dtype=np.float64)
    exposure = float(rng.uniform(0.88, 1.12))
    return _picture(small * exposure + rng.normal(0, NOISE, small.shape))


def _draw_roadside(
    draw: ImageDraw.ImageDraw,
    view: View,
    scene: Scene,
    colours: Palette,
    rng: np.random.Generator,
    light: float,
) -> None:
    """Draw trees, houses and poles, the farthest first."""
    trees = rng.poisson(3 + 20 * unit(scene.moisture) * (1 - 0.6 * scene.urban))
    houses = rng.poisson(0.4 + 11 * scene.urban**0.7)
    things = [("tree", float(d)) for d in 2 + 22 * rng.random(trees) ** 1.5]
    things += [("house", float(d)) for d in 2.4 + 16 * rng.random(houses) ** 1.2]
    things += [("pole", float(d)) for d in (3.0, 5.0, 8.5, 14.0)] if scene.signs.pole_side else []
    for thing, depth in sorted(things, key=lambda item: -item[1]):
        hand = 1 if rng.random() < 0.5 else -1
        if thing == "pole":
            across = scene.signs.pole_side * (ROAD_HALF_WIDTH + 0.5)
            draw_pole(draw, view, across, depth, scene.signs)
        elif thing == "house":
            across = hand * (ROAD_HALF_WIDTH + float(rng.uniform(0.7, 2.2)))
            height = (1.1 + 3.4 * scene.urban * float(rng.uniform(0.2, 1))) * 1.1
            width = float(rng.uniform(1.3, 2.4))
            wall = mix(colours.wall, (225, 220, 210), float(rng.uniform(0, 0.35)))
            house = House(across, depth, width, height, wall, colours.roof)
            draw_house(draw, view, house, light)
        else:
            across = hand * (ROAD_HALF_WIDTH + 0.6 + 7 * float(rng.random()) ** 1.5)
            kind = _tree_kind(scene, rng)
            height = float(rng.uniform(1.6, 3.2)) * (0.7 if kind == "bush" else 1)
            colour = mix(colours.plants, (150, 140, 60), float(rng.uniform(0, 0.22)))
            draw_tree(draw, view, across, depth, height, kind, colour, light)


def _tree_kind(scene: Scene, rng: np.random.Generator) -> str:
    """Draw a kind of tree; the mixture changes smoothly with climate and style."""
    chance = float(rng.random())
    if chance < 0.9 - 0.9 * unit(scene.moisture + 0.6):
        return "bush"
    if float(rng.random()) < unit(2 * scene.warmth - 2):
        return "palm"
    return "conifer" if float(rng.random()) < unit(2 * scene.plant - scene.warmth) else "broad"


def _picture(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))
