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


def draw_house(
    draw: ImageDraw.ImageDraw,
    view: View,
    across: float,
    depth: float,
    width: float,
    height: float,
    wall: Colour,
    roof: Colour,
    light: float,
) -> None:
    """Draw a house with a gable towards the camera, windows and a side along the road.

    Args:
        draw: The picture.
        view: The camera.
        across: Position of its corner at the road.
        depth: Of its front.
        width: Of its front, away from the road.
        height: Of its walls.
        wall: Colour of its walls.
        roof: Colour of its roof.
        light: On its front; its side has the opposite.
    """
    outer = across + (width if across > 0 else -width)
    back, top = depth + 1.3 * width, height + 0.45 * min(width, 1.6)
    sides, middle = shade(wall, 1.9 - light), (across + outer) / 2
    draw.polygon(
        [
            view.at(across, depth),
            view.at(across, depth, height),
            view.at(across, back, height),
            view.at(across, back),
        ],
        sides,
    )
    draw.polygon(
        [
            view.at(across, depth, height),
            view.at(middle, depth, top),
            view.at(middle, back, top),
            view.at(across, back, height),
        ],
        shade(roof, 1.9 - light),
    )
    front = [
        view.at(across, depth),
        view.at(across, depth, height),
        view.at(middle, depth, top),
        view.at(outer, depth, height),
        view.at(outer, depth),
    ]
    draw.polygon(front, shade(wall, light))
    draw.line(
        [front[1], front[2], front[3]], shade(roof, light), max(1, round(view.size(0.12, depth)))
    )
    glass = shade((70, 84, 104), light)
    if view.size(width, depth) < 12:
        return
    floors, step = max(1, round(height / 1.0)), width / 3
    for floor in range(floors):
        low = (floor + 0.3) * height / floors
        for column in (0.5, 1.7):
            left = min(across, outer) + column * step
            draw.rectangle(
                [
                    *view.at(left, depth, low + 0.45 * height / floors),
                    *view.at(left + 0.8 * step, depth, low),
                ],
                glass,
            )


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
