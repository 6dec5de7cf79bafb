"""The street's view: a panorama from the ground, north in its centre."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geoloc.campusworld.campus import FLIGHTS, SATELLITE, Campus
from geoloc.campusworld.drone import shade_ray
from geoloc.campusworld.layout import Layout
from geoloc.campusworld.light import vary_light
from geoloc.campusworld.raymarch import SKY, first_hit
from geoloc.campusworld.scene import Scene
from geoloc.campusworld.shading import Rgb, encode
from geoloc.campusworld.spec import WorldSpec, random_stream
from geoloc.errors import ConfigError
from geoloc.kernel import kernel

Array = NDArray[np.float64]

CAMERA_M = 2.6  # above the ground, as on a car
CLEAR_M = 2.0  # around the camera nothing may stand
LEAST_WIDTH_M = 5.0  # of a street that a car drives on
SUPERSAMPLING = 2
ZENITH = (0.16, 0.32, 0.72)  # linear rgb of a clear sky overhead, times the sky's light
TRIES = 400  # candidates per position


def street_positions(
    rng: np.random.Generator, campus: Campus, count: int, radius_m: float, spacing_m: float
) -> Array:
    """Draw positions on the streets of a campus, where nothing stands.

    Args:
        rng: Their stream.
        campus: The campus.
        count: Number of positions.
        radius_m: How far from the centre of the map they may lie.
        spacing_m: Least distance between two of them.

    Returns:
        x and y on the map in m, ``[count, 2]``.

    Raises:
        ConfigError: If the streets have no room for so many.
    """
    layout, chosen = campus.layout, np.empty((0, 2))
    centre = layout.size_m / 2
    for _ in range(TRIES * count):
        spot = _on_a_street(rng, layout, radius_m)
        apart = np.hypot(*(chosen - spot).T)
        inside = math.hypot(spot[0] - centre, spot[1] - centre) <= radius_m
        if inside and (apart >= spacing_m).all() and _is_clear(campus.scenes[SATELLITE], spot):
            chosen = np.vstack([chosen, spot])
            if len(chosen) == count:
                return chosen
    raise ConfigError(
        f"StreetWorld: the streets of a campus have room for {len(chosen)} places {spacing_m:g} m "
        f"apart, not for {count}; ask for fewer places per campus."
    )


def _on_a_street(rng: np.random.Generator, layout: Layout, radius_m: float) -> Array:
    """Return a point on a centre line that passes near the centre of the map, ``[2]``."""
    streets, middle = layout.streets, np.array([layout.size_m / 2])
    centre = np.concatenate(streets.to_uv(middle, middle))
    axis = int(rng.integers(2))
    pitch, first = streets.pitch[axis], streets.first[axis]
    widths = (streets.width_u, streets.width_v)[axis]
    lines = (np.flatnonzero(widths >= LEAST_WIDTH_M) + first) * pitch
    lines = lines[np.abs(lines - centre[axis]) <= radius_m]
    spot = np.empty(2)
    spot[axis] = rng.choice(lines) if lines.size else centre[axis]
    spot[1 - axis] = centre[1 - axis] + rng.uniform(-radius_m, radius_m)
    x, y = streets.to_xy(spot[:1], spot[1:])
    return np.array([x[0], y[0]])


def _is_clear(scene: Scene, spot: Array) -> bool:
    reach = max(1, round(CLEAR_M / scene.cell_m))
    row, column = int(spot[1] / scene.cell_m), int(spot[0] / scene.cell_m)
    size = len(scene.heights)
    if not (reach <= row < size - reach and reach <= column < size - reach):
        return False
    around = scene.heights[row - reach : row + reach + 1, column - reach : column + reach + 1]
    return bool((around <= 0.0).all())


def render_panorama(
    spec: WorldSpec, campus: Campus, index: int, place: int, position: Array, shape: tuple[int, int]
) -> Image.Image:
    """Return an equirectangular panorama whose pixels are square and whose middle row is level.

    Args:
        spec: The world.
        campus: The campus.
        index: Its number in the world.
        place: Number of the place on it.
        position: x and y on the map in m.
        shape: Rows and columns; the columns span 360 degrees.
    """
    rng = random_stream(spec.seed, index, place, view=0)
    drive = SATELLITE + 1 + int(rng.integers(FLIGHTS))
    light = vary_light(campus.lights[drive], rng)
    scene = campus.scenes[drive]._replace(light=light.packed())
    rows, columns = (SUPERSAMPLING * side for side in shape)
    shot = _shade_panorama(scene, float(position[0]), float(position[1]), rows, columns)
    return Image.fromarray(shot).resize(shape[::-1], Image.Resampling.HAMMING)


@kernel
def _shade_panorama(scene: Scene, x: float, y: float, rows: int, columns: int) -> NDArray[np.uint8]:
    """Return uint8 ``[rows, columns, 3]``; azimuths grow from south over west to the right."""
    out = np.empty((rows, columns, 3), dtype=np.uint8)
    step = 2.0 * math.pi / columns
    origin = (x, y, CAMERA_M)
    for r in range(rows):
        elevation = (rows / 2.0 - r - 0.5) * step
        level, up = math.cos(elevation), math.sin(elevation)
        for c in range(columns):
            azimuth = (c + 0.5) * step - math.pi
            direction = (level * math.sin(azimuth), level * math.cos(azimuth), up)
            kind = first_hit(scene, origin, direction, 0.0)[0]
            if kind == SKY:
                rgb = _sky(scene.light, up)
            else:
                rgb = shade_ray(scene, origin, direction, 0.0, step)
            for k in range(3):
                out[r, c, k] = encode(rgb[k])
    return out


@kernel
def _sky(light: NDArray[np.float64], up: float) -> Rgb:
    """Return the light of the sky, from the haze at the horizon to the blue overhead."""
    blue = min(max(up, 0.0) * 2.0, 1.0)
    return (
        (1.0 - blue) * light[9] + blue * ZENITH[0],
        (1.0 - blue) * light[10] + blue * ZENITH[1],
        (1.0 - blue) * light[11] + blue * ZENITH[2],
    )
