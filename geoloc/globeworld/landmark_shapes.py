"""Landmarks: few silhouettes in few colours; a kind looks the same wherever it stands."""

from collections.abc import Callable

from PIL import ImageDraw

from geoloc.globeworld.palette import Colour, shade

Draw = ImageDraw.ImageDraw
COLOURS = (
    (206, 60, 52),
    (240, 240, 236),
    (222, 178, 60),
    (70, 96, 150),
    (52, 140, 120),
    (84, 60, 84),
)


def draw_landmark(draw: Draw, kind: int, x: float, floor: float, tall: float, light: float) -> None:
    """Draw a landmark.

    Args:
        draw: The picture.
        kind: From 0; shape and colour follow from it.
        x: Column of its axis in px.
        floor: Row of its foot in px.
        tall: Height in px.
        light: 1 in the sun.
    """
    shape = SHAPES[kind % len(SHAPES)]
    colour = COLOURS[(kind + kind // len(SHAPES)) % len(COLOURS)]
    shape(draw, x, floor, tall, colour, light)


def _tower(draw: Draw, x: float, floor: float, tall: float, colour: Colour, light: float) -> None:
    draw.polygon(
        [(x - 0.16 * tall, floor), (x + 0.16 * tall, floor), (x, floor - tall)],
        shade(colour, light),
    )
    draw.ellipse(
        [x - 0.11 * tall, floor - 0.72 * tall, x + 0.11 * tall, floor - 0.6 * tall],
        shade(colour, 0.75 * light),
    )


def _dome(draw: Draw, x: float, floor: float, tall: float, colour: Colour, light: float) -> None:
    draw.rectangle(
        [x - 0.42 * tall, floor - 0.45 * tall, x + 0.42 * tall, floor],
        shade((226, 216, 196), light),
    )
    box = [x - 0.34 * tall, floor - 0.82 * tall, x + 0.34 * tall, floor - 0.12 * tall]
    draw.pieslice(box, 180, 360, shade(colour, light))
    draw.line(
        [x, floor - 0.8 * tall, x, floor - tall], shade(colour, light), max(1, round(tall / 20))
    )


def _windmill(
    draw: Draw, x: float, floor: float, tall: float, colour: Colour, light: float
) -> None:
    top = floor - 0.62 * tall
    body = [(x - 0.16 * tall, floor), (x + 0.16 * tall, floor), (x + 0.09 * tall, top)]
    draw.polygon([*body, (x - 0.09 * tall, top)], shade(colour, light))
    thick = max(1, round(tall / 12))
    for dx, dy in ((1, 1), (1, -1)):
        wings = [x - 0.36 * dx * tall, top - 0.36 * dy * tall]
        draw.line(
            [*wings, x + 0.36 * dx * tall, top + 0.36 * dy * tall],
            shade((244, 240, 230), light),
            thick,
        )


def _arch(draw: Draw, x: float, floor: float, tall: float, colour: Colour, light: float) -> None:
    thick = max(2, round(0.16 * tall))
    box = [x - 0.5 * tall, floor - tall, x + 0.5 * tall, floor + tall]
    draw.arc(box, 180, 360, shade(colour, light), thick)


def _pyramid(draw: Draw, x: float, floor: float, tall: float, colour: Colour, light: float) -> None:
    tip = (x, floor - 0.8 * tall)
    draw.polygon([(x - 0.6 * tall, floor), (x + 0.1 * tall, floor), tip], shade(colour, light))
    draw.polygon(
        [(x + 0.1 * tall, floor), (x + 0.6 * tall, floor), tip], shade(colour, 0.65 * light)
    )


def _stripes(draw: Draw, x: float, floor: float, tall: float, colour: Colour, light: float) -> None:
    for band in range(5):
        paint = colour if band % 2 == 0 else (244, 244, 240)
        low, high = floor - band * 0.17 * tall, floor - (band + 1) * 0.17 * tall
        half = (0.15 - 0.012 * band) * tall
        draw.rectangle([x - half, high, x + half, low], shade(paint, light))
    cap = floor - 0.85 * tall
    draw.polygon(
        [(x - 0.13 * tall, cap), (x + 0.13 * tall, cap), (x, floor - tall)],
        shade((60, 60, 70), light),
    )


SHAPES: tuple[Callable[[Draw, float, float, float, Colour, float], None], ...] = (
    _tower,
    _dome,
    _windmill,
    _arch,
    _pyramid,
    _stripes,
)
