"""What lies behind and under everything: sky, clouds, hills, sea and ground."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from geoloc.globeworld.palette import SNOW, Colour, Palette, mix, shade
from geoloc.globeworld.view import View

Array = NDArray[np.float64]
RIDGES = 2
RIDGE_STEPS = 48


def draw_sky(rng: np.random.Generator, view: View, colours: Palette, cloudy: float) -> Array:
    """Return the sky as float ``[side, side, 3]``; below the horizon it goes on as haze.

    Args:
        rng: Source of the clouds.
        view: The camera.
        colours: Of the place.
        cloudy: Share of the sky that clouds cover, 0 .. 1.
    """
    side = view.side
    up = np.clip(1 - np.arange(side) / view.horizon, 0, 1)[:, None, None]
    sky = np.array(colours.horizon) + (np.array(colours.zenith) - colours.horizon) * up**0.7
    clouds = smooth_noise(rng, side, 11, 4) + 0.5 * smooth_noise(rng, side, 24, 9)
    cover = np.clip(3 * (clouds / 1.5 - 0.85 + 0.6 * cloudy), 0, 0.9) * np.clip(
        4 * up[:, :, 0], 0, 1
    )
    return np.asarray(sky + (np.array([250.0, 250, 250]) - sky) * cover[:, :, None])


def draw_ground(rng: np.random.Generator, view: View, colours: Palette, rough: float) -> Array:
    """Return the ground as float ``[side, side, 3]``, paler towards the horizon.

    Args:
        rng: Source of its patches.
        view: The camera.
        colours: Of the place.
        rough: Contrast of the patches, 0 .. 1.
    """
    side, rows = view.side, np.arange(view.side)
    near = np.clip((rows - view.horizon) / (side - view.horizon), 0, 1)[:, None]
    # patches seen in perspective: long strips far away, wide blots near by
    depth = 1 / np.maximum(near, 0.03)
    fine = _rows_of(smooth_noise(rng, side, 16, 12), depth, view)
    wide = _rows_of(smooth_noise(rng, side, 6, 5), depth, view)
    patch = (0.6 * (wide - 0.5) + 0.8 * (fine - 0.5)) * (0.35 + 0.65 * near)
    ground = np.array(colours.ground) * (1 + rough * patch)[:, :, None]
    bare = np.clip(4 * (wide - 0.62), 0, 0.7)[:, :, None] * rough
    ground = ground + (np.array(colours.soil) - ground) * bare
    pale = (0.4 * (1 - near) ** 3)[:, :, None]
    return np.asarray(ground + (np.array(colours.horizon) - ground) * pale)


def draw_hills(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    view: View,
    colours: Palette,
    relief: float,
    cold: float,
) -> None:
    """Draw ridges along the horizon, the far ones paler and, where it is cold, white on top.

    Args:
        rng: Source of their outlines.
        draw: The picture.
        view: The camera.
        colours: Of the place.
        relief: Height, 0 .. 1.
        cold: Share of the height that is white, 0 .. 1.
    """
    for ridge in range(RIDGES):
        nearness = (ridge + 1) / RIDGES
        height = relief * view.horizon * (0.85 - 0.5 * nearness)
        outline = _outline(rng, view, height)
        body = mix(colours.horizon, mix(colours.plants, colours.ground, 0.4), 0.3 + 0.45 * nearness)
        if ridge == 0:
            _fill_below(draw, view, outline, mix(SNOW, body, 0.15))
            snow_line = view.horizon - height * (1 - cold)
            outline = [(x, max(y, snow_line)) for x, y in outline]
        _fill_below(draw, view, outline, body)


def draw_sea(draw: ImageDraw.ImageDraw, view: View, colours: Palette, width: float) -> None:
    """Draw a strip of sea below the horizon, ``width`` of the ground's height."""
    bottom = view.horizon + width * (view.side - view.horizon)
    draw.rectangle([0, view.horizon, view.side, bottom], shade(colours.sea, 1))
    glint = view.horizon + 0.35 * (bottom - view.horizon)
    draw.rectangle([0, view.horizon, view.side, glint], shade(mix(colours.sea, SNOW, 0.25), 1))
    draw.rectangle([0, bottom, view.side, bottom + 2], shade(mix(colours.soil, SNOW, 0.5), 1))


def smooth_noise(rng: np.random.Generator, side: int, rows: int, columns: int) -> Array:
    """Return noise in 0 .. 1 ``[side, side]``, smooth over so many cells."""
    cells = rng.integers(0, 256, (rows, columns), dtype=np.uint8)
    picture = Image.fromarray(cells).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(picture, dtype=np.float64) / 255


def _rows_of(noise: Array, depth: Array, view: View) -> Array:
    """Return noise laid on the ground, seen in perspective."""
    side = view.side
    row = np.minimum((side - 1) * (1 - 1 / depth**0.5), side - 1).astype(np.intp)
    across = (np.arange(side)[None] - view.vanish) * np.minimum(depth, 6) ** 0.5 / 2 + side / 2
    column = np.abs((across.astype(np.intp) + side) % (2 * side) - side).clip(max=side - 1)
    return np.asarray(noise[row, column])


def _outline(rng: np.random.Generator, view: View, height: float) -> list[tuple[float, float]]:
    """Return the upper edge of a ridge from left to right."""
    levels = np.zeros(RIDGE_STEPS + 1)
    for waves, share in ((3, 0.6), (7, 0.28), (17, 0.12)):
        nodes = rng.random(waves + 2)
        place = np.linspace(0, waves, RIDGE_STEPS + 1)
        levels += share * np.interp(place, np.arange(waves + 2), nodes)
    x = np.linspace(0, view.side, RIDGE_STEPS + 1)
    return list(zip(x.tolist(), (view.horizon - height * levels).tolist(), strict=True))


def _fill_below(
    draw: ImageDraw.ImageDraw, view: View, outline: Sequence[tuple[float, float]], colour: Colour
) -> None:
    floor = view.horizon + 1
    draw.polygon([*outline, (view.side, floor), (0, floor)], shade(colour, 1))
