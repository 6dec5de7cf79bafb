"""What stands along the road: the road itself, trees, houses and poles."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import ImageDraw

from geoloc.globeworld.palette import ASPHALT, Colour, Palette, mix, shade
from geoloc.globeworld.view import FAR, View

ROAD_HALF_WIDTH = 1.15
WHITE, YELLOW, WOOD, CONCRETE = (238, 238, 232), (236, 190, 40), (110, 84, 60), (176, 174, 168)
TRUNK = (92, 70, 50)


class RoadSigns(NamedTuple):
    """What a country's roads look like.

    Attributes:
        centre: Colour of the line in the middle.
        dashed: Whether that line is dashed.
        edges: Whether there are lines at the edges.
        wooden: Whether poles are of wood.
        pole_side: -1 for poles on the left, 1 on the right, 0 for none.
    """

    centre: tuple[int, int, int]
    dashed: bool
    edges: bool
    wooden: bool
    pole_side: int


def country_signs(rng: np.random.Generator) -> RoadSigns:
    """Draw the style of a country."""
    centre = (WHITE, YELLOW)[int(rng.integers(2))]
    dashed, edges, wooden = (bool(rng.integers(2)) for _ in range(3))
    return RoadSigns(centre, dashed, edges, wooden, int(rng.integers(-1, 2)))


def draw_road(
    draw: ImageDraw.ImageDraw, view: View, colours: Palette, signs: RoadSigns, paved: float
) -> None:
    """Draw the road to its vanishing point; ``paved`` 0 is bare soil, 1 asphalt with lines."""
    surface = mix(mix(colours.soil, (170, 160, 150), 0.25), ASPHALT, paved)
    shoulder = ROAD_HALF_WIDTH * 1.2
    _strip(draw, view, -shoulder, shoulder, 0.8, FAR, shade(mix(colours.soil, surface, 0.3), 0.95))
    _strip(draw, view, -ROAD_HALF_WIDTH, ROAD_HALF_WIDTH, 0.8, FAR, shade(surface, 1))
    if paved < 0.5:
        return
    for depth in np.geomspace(0.8, 12, 14).tolist() if signs.dashed else [0.8]:
        _strip(draw, view, -0.05, 0.05, depth, depth * 1.12 if signs.dashed else FAR, signs.centre)
    for side in (-1, 1) if signs.edges else ():
        edge = side * (ROAD_HALF_WIDTH - 0.12)
        _strip(draw, view, edge - 0.04, edge + 0.04, 0.8, FAR, WHITE)


class House(NamedTuple):
    """A house with a gable towards the camera; lengths are in camera heights.

    Attributes:
        across: Position of its corner at the road.
        depth: Of its front.
        width: Of its front, away from the road.
        height: Of its walls.
        wall: Colour of its walls.
        roof: Colour of its roof.
    """

    across: float
    depth: float
    width: float
    height: float
    wall: Colour
    roof: Colour

    @property
    def outer(self) -> float:
        """Position of the corner of the front that is away from the road."""
        return self.across + (self.width if self.across > 0 else -self.width)

    @property
    def middle(self) -> float:
        """Position of the ridge."""
        return (self.across + self.outer) / 2

    @property
    def top(self) -> float:
        """Height of the ridge."""
        return self.height + 0.45 * min(self.width, 1.6)


def draw_house(draw: ImageDraw.ImageDraw, view: View, house: House, light: float) -> None:
    """Draw a house: its side along the road, its front, and windows if it is large enough.

    Args:
        draw: The picture.
        view: The camera.
        house: Where it stands, and what it looks like.
        light: On its front; its side has the opposite.
    """
    _draw_side(draw, view, house, 1.9 - light)
    _draw_front(draw, view, house, light)
    if view.size(house.width, house.depth) >= 12:
        _draw_windows(draw, view, house, light)


def _draw_side(draw: ImageDraw.ImageDraw, view: View, house: House, light: float) -> None:
    """Draw the wall along the road and the half of the roof above it."""
    front, back = house.depth, house.depth + 1.3 * house.width
    near, far = (view.at(house.across, depth, house.height) for depth in (front, back))
    wall = [view.at(house.across, front), near, far, view.at(house.across, back)]
    ridge = [view.at(house.middle, depth, house.top) for depth in (front, back)]
    draw.polygon(wall, shade(house.wall, light))
    draw.polygon([near, *ridge, far], shade(house.roof, light))


def _draw_front(draw: ImageDraw.ImageDraw, view: View, house: House, light: float) -> None:
    """Draw the wall towards the camera, and the edge of the roof over its gable."""
    gable = [
        view.at(house.across, house.depth, house.height),
        view.at(house.middle, house.depth, house.top),
        view.at(house.outer, house.depth, house.height),
    ]
    foot, outer = view.at(house.across, house.depth), view.at(house.outer, house.depth)
    draw.polygon([foot, *gable, outer], shade(house.wall, light))
    edge = max(1, round(view.size(0.12, house.depth)))
    draw.line(gable, shade(house.roof, light), edge)


def _draw_windows(draw: ImageDraw.ImageDraw, view: View, house: House, light: float) -> None:
    """Draw two windows on every floor of the front."""
    glass = shade((70, 84, 104), light)
    floors, step = max(1, round(house.height / 1.0)), house.width / 3
    for floor in range(floors):
        low = (floor + 0.3) * house.height / floors
        high = low + 0.45 * house.height / floors
        for column in (0.5, 1.7):
            left = min(house.across, house.outer) + column * step
            upper_left = view.at(left, house.depth, high)
            draw.rectangle([*upper_left, *view.at(left + 0.8 * step, house.depth, low)], glass)


def draw_tree(
    draw: ImageDraw.ImageDraw,
    view: View,
    across: float,
    depth: float,
    height: float,
    kind: str,
    colour: Colour,
    light: float,
) -> None:
    """Draw a ``conifer``, a ``broad`` crown, a ``palm`` or a ``bush`` of a height."""
    x, floor = view.at(across, depth)
    tall = view.size(height, depth)
    dark, bright = shade(colour, 0.8 * light), shade(colour, 1.12 * light)
    stem = max(1, round(0.05 * tall))
    if kind == "bush":
        draw.ellipse(
            [x - 0.4 * tall, floor - 0.45 * tall, x + 0.4 * tall, floor + 0.05 * tall], dark
        )
        draw.ellipse(
            [x - 0.3 * tall, floor - 0.45 * tall, x + 0.15 * tall, floor - 0.1 * tall], bright
        )
        return
    draw.line([x, floor, x, floor - 0.6 * tall], shade(TRUNK, light), stem)
    if kind == "conifer":
        for low, half in ((0.12, 0.24), (0.36, 0.19), (0.6, 0.13)):
            foot, tip = floor - low * tall, floor - (low + 0.42) * tall
            draw.polygon([(x - half * tall, foot), (x + half * tall, foot), (x, tip)], dark)
            draw.polygon([(x - half * tall, foot), (x, foot), (x, tip)], bright)
    elif kind == "palm":
        top = floor - 0.85 * tall
        draw.line([x, floor, x + 0.05 * tall, top], shade(TRUNK, 1.2 * light), stem)
        for dx, dy in ((-0.34, 0.1), (-0.26, -0.12), (0.0, -0.16), (0.28, -0.1), (0.36, 0.12)):
            leaf = [(x, top - 0.04 * tall), (x + 0.08 * tall, top + 0.05 * tall)]
            draw.polygon([*leaf, (x + dx * tall, top + dy * tall)], bright)
    else:
        for dx, dy, half in ((-0.16, 0.52, 0.22), (0.16, 0.5, 0.22), (0.0, 0.7, 0.26)):
            box = [
                x + (dx - half) * tall,
                floor - (dy + half) * tall,
                x + (dx + half) * tall,
                floor - (dy - half) * tall,
            ]
            draw.ellipse(box, dark)
        draw.ellipse(
            [x - 0.26 * tall, floor - 0.92 * tall, x + 0.1 * tall, floor - 0.55 * tall], bright
        )


def draw_pole(
    draw: ImageDraw.ImageDraw, view: View, across: float, depth: float, signs: RoadSigns
) -> None:
    """Draw a pole with its cross arm."""
    colour, thick = WOOD if signs.wooden else CONCRETE, max(1, round(view.size(0.07, depth)))
    draw.line([view.at(across, depth), view.at(across, depth, 3.4)], colour, thick)
    arm = [view.at(across - 0.4, depth, 3.1), view.at(across + 0.4, depth, 3.1)]
    draw.line(arm, colour, thick)


def _strip(
    draw: ImageDraw.ImageDraw,
    view: View,
    left: float,
    right: float,
    near: float,
    far: float,
    colour: Sequence[int],
) -> None:
    corners = [view.at(left, near), view.at(right, near), view.at(right, far), view.at(left, far)]
    draw.polygon(corners, tuple(colour))
