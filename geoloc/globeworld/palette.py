"""Colours of a place: blends of a few given colours, steered by the fields of the planet."""

from collections.abc import Sequence
from typing import NamedTuple

Colour = tuple[float, float, float]

# cold and dry, cold and wet, hot and dry, hot and wet
GROUND = ((150, 142, 112), (88, 116, 72), (216, 172, 108), (64, 136, 52))
PLANTS = ((104, 108, 70), (34, 74, 54), (150, 144, 66), (22, 100, 34))
ZENITH = ((96, 146, 206), (138, 158, 182), (58, 128, 222), (104, 160, 206))
HORIZON = ((208, 222, 232), (206, 212, 218), (242, 222, 190), (214, 232, 236))
SNOW = (236, 240, 246)
WALLS = ((178, 84, 62), (222, 164, 96), (240, 228, 202), (224, 230, 234), (138, 164, 192))
ROOFS = ((72, 80, 96), (104, 64, 54), (196, 88, 56), (214, 186, 138))
SOILS = ((92, 78, 70), (150, 118, 84), (196, 112, 66))
ASPHALT = (92, 92, 96)
SEA = (58, 110, 150)


class Palette(NamedTuple):
    """Colours of a place."""

    ground: Colour
    plants: Colour
    zenith: Colour
    horizon: Colour
    wall: Colour
    roof: Colour
    soil: Colour
    sea: Colour


def palette(
    warmth: float, moisture: float, wall: float, roof: float, soil: float, haze: float
) -> Palette:
    """Return the colours for fields of variance 1."""
    hot, wet = unit(warmth), unit(moisture)
    snow = min(max((-warmth - 1.0) / 0.8, 0.0), 1.0)
    earth = along(SOILS, unit(soil))
    ground = mix(mix(_climate(GROUND, hot, wet), earth, 0.15), SNOW, 0.85 * snow)
    horizon = _climate(HORIZON, hot, wet)
    return Palette(
        ground=ground,
        plants=mix(_climate(PLANTS, hot, wet), SNOW, 0.35 * snow),
        zenith=mix(_climate(ZENITH, hot, wet), horizon, 0.45 * unit(haze)),
        horizon=horizon,
        wall=along(WALLS, unit(wall)),
        roof=mix(along(ROOFS, unit(roof)), SNOW, 0.7 * snow),
        soil=mix(earth, SNOW, 0.6 * snow),
        sea=mix(SEA, _climate(ZENITH, hot, wet), 0.4),
    )


def unit(value: float) -> float:
    """Return a field of variance 1 as a number in 0 .. 1, smoothly."""
    t = min(max(0.5 + value / 3.2, 0.0), 1.0)
    return t * t * (3 - 2 * t)


def mix(one: Sequence[float], other: Sequence[float], share: float) -> Colour:
    """Return a blend, ``share`` of it the other colour."""
    r, g, b = (a + (c - a) * share for a, c in zip(one, other, strict=True))
    return r, g, b


def along(colours: Sequence[Sequence[float]], t: float) -> Colour:
    """Return the colour at ``t`` in 0 .. 1 on a line through colours at equal steps."""
    position = t * (len(colours) - 1)
    first = min(int(position), len(colours) - 2)
    return mix(colours[first], colours[first + 1], position - first)


def shade(colour: Sequence[float], light: float) -> tuple[int, int, int]:
    """Return a colour under more or less light, for drawing."""
    r, g, b = (min(max(round(part * light), 0), 255) for part in colour)
    return r, g, b


def _climate(corners: Sequence[Sequence[float]], hot: float, wet: float) -> Colour:
    cold_side = mix(corners[0], corners[1], wet)
    return mix(cold_side, mix(corners[2], corners[3], wet), hot)
