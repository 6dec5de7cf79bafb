"""The drone's view: a perspective image of the campus from an orbit around a place."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray
from PIL import Image

from geoloc.campusworld.camera import Camera, draw_orbit, orbit_camera
from geoloc.campusworld.campus import FLIGHTS, Campus
from geoloc.campusworld.ground import BOX, ROOF
from geoloc.campusworld.light import SHADOW_CELL_M, Light, vary_light
from geoloc.campusworld.raymarch import (
    GROUND_BEYOND,
    SKY,
    WALL,
    first_hit,
    free_distance,
    ray_direction,
)
from geoloc.campusworld.shading import (
    Rgb,
    encode,
    lit,
    shade_top,
    sunlit,
    through_air,
    wall_colour,
    wall_face,
)
from geoloc.campusworld.spec import WorldSpec, random_stream

Table = NDArray[np.float64]

EXTRA_SAMPLES = 64
"""Rays per side beyond one for each pixel; coarser pixels average over more of them."""

TILE = 8


def render_drone(spec: WorldSpec, campus: Campus, index: int, place: int, view: int) -> Image.Image:
    """Return a drone image.

    Args:
        spec: The world.
        campus: The campus.
        index: Its number in the world.
        place: Number of the place on it.
        view: Number of the view, from 0.
    """
    flight_rng = random_stream(spec.seed, index, place)
    flight = int(flight_rng.integers(FLIGHTS))
    orbit = draw_orbit(flight_rng)
    rng = random_stream(spec.seed, index, place, view)
    building = campus.layout.buildings[campus.layout.place_of[place]]
    target = np.array([building.x, building.y, 0.4 * building.height])
    camera = orbit_camera(rng, orbit, target, view / spec.views)
    light = vary_light(campus.lights[1 + flight], rng)
    return render_view(campus, camera, light, campus.ceilings[1 + flight], spec.image_size)


def render_view(
    campus: Campus, camera: Camera, light: Light, ceiling: NDArray[np.float32], pixels: int
) -> Image.Image:
    """Return what a camera sees, as an image of ``pixels`` squared."""
    samples = pixels + EXTRA_SAMPLES
    shot = _shade_view(
        campus.pyramid, campus.beam_map, campus.colours, campus.heights, campus.owners, ceiling,
        campus.sky, campus.frames, campus.facades, campus.cell_m, SHADOW_CELL_M, campus.top,
        camera.packed(), light.packed(), samples, 2.0 * camera.half_width / pixels,
    )  # fmt: skip
    return Image.fromarray(shot).resize((pixels, pixels), Image.Resampling.HAMMING)


@njit(cache=True)
def _shade_view(
    pyramid: NDArray[np.float32],
    beam_map: NDArray[np.float32],
    colours: NDArray[np.uint8],
    heights: NDArray[np.float32],
    owners: NDArray[np.uint16],
    ceiling: NDArray[np.float32],
    sky: NDArray[np.float32],
    frames: Table,
    facades: Table,
    cell_m: float,
    shadow_cell_m: float,
    top: float,
    camera: Table,
    light: Table,
    samples: int,
    pixel_angle: float,
) -> NDArray[np.uint8]:
    """Return uint8 ``[samples, samples, 3]``, square tile by square tile."""
    out = np.zeros((samples, samples, 3), dtype=np.uint8)
    size = len(heights)
    origin = (camera[0], camera[1], camera[2])
    spread = math.hypot(camera[6], camera[7]) * math.sqrt(2.0) * TILE / samples
    for r0 in range(0, samples, TILE):
        for c0 in range(0, samples, TILE):
            axis = ray_direction(camera, r0 + TILE / 2, c0 + TILE / 2, samples)
            start = free_distance(beam_map, top, origin, axis, spread)
            for r in range(r0, min(r0 + TILE, samples)):
                for c in range(c0, min(c0 + TILE, samples)):
                    d = ray_direction(camera, r + 0.5, c + 0.5, samples)
                    kind, t, i, j = first_hit(pyramid, size, cell_m, top, origin, d, start)
                    x, y, z = origin[0] + t * d[0], origin[1] + t * d[1], origin[2] + t * d[2]
                    if kind == SKY:
                        out[r, c, 0], out[r, c, 1] = encode(light[9]), encode(light[10])
                        out[r, c, 2] = encode(light[11])
                        continue
                    if kind == WALL and colours[i, j, 3] == ROOF and z < heights[i, j] - 0.6:
                        rgb = _shade_wall(
                            heights, owners, ceiling, frames, facades, cell_m, shadow_cell_m,
                            (i, j), (x, y, z), d, t * pixel_angle, light,
                        )  # fmt: skip
                    else:
                        if kind == GROUND_BEYOND:
                            # The plain around the map shows the map mirrored at its border.
                            i, j = mirrored(y / cell_m, size), mirrored(x / cell_m, size)
                            x, y, z = (j + 0.5) * cell_m, (i + 0.5) * cell_m, heights[i, j]
                        rgb = shade_top(
                            colours, heights, ceiling, sky, cell_m, shadow_cell_m,
                            (i, j, x, y, z), light,
                        )  # fmt: skip
                        if kind == WALL and colours[i, j, 3] >= BOX:  # sides of crowns and cars
                            low = 0.55 + 0.45 * min(max(z / max(heights[i, j], 0.1), 0.0), 1.0)
                            rgb = (rgb[0] * low, rgb[1] * low, rgb[2] * low)
                    rgb = through_air(rgb, t, light)
                    out[r, c, 0], out[r, c, 1] = encode(rgb[0]), encode(rgb[1])
                    out[r, c, 2] = encode(rgb[2])
    return out


@njit(cache=True)
def _shade_wall(
    heights: NDArray[np.float32],
    owners: NDArray[np.uint16],
    ceiling: NDArray[np.float32],
    frames: Table,
    facades: Table,
    cell_m: float,
    shadow_cell_m: float,
    cell: tuple[int, int],
    hit: Rgb,
    direction: Rgb,
    footprint: float,
    light: Table,
) -> Rgb:
    """Return the light from a building's wall."""
    owner = owners[cell] - 1
    nx, ny, along = wall_face(owners, heights, cell_m, frames[owner], hit, direction)
    albedo = wall_colour(facades[owner], along, hit[2], heights[cell], footprint)
    x, y = hit[0] + 1.2 * nx, hit[1] + 1.2 * ny
    sun = sunlit(ceiling, shadow_cell_m, x, y, hit[2] + 0.3)
    sky_share = 0.55 + 0.45 * min(hit[2] / 12.0, 1.0)
    return lit(albedo, ROOF, (nx, ny, 0.0), sun, sky_share, light)


@njit(cache=True)
def mirrored(position: float, size: int) -> int:
    """Return the cell of a coordinate on a line that is mirrored at 0 and ``size``."""
    cell = int(math.floor(position)) % (2 * size)
    return cell if cell < size else 2 * size - 1 - cell
