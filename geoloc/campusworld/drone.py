"""The drone's view: a perspective image of the campus from an orbit around a place."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geoloc.campusworld.camera import Camera, draw_orbit, orbit_camera
from geoloc.campusworld.campus import FLIGHTS, SATELLITE, Campus
from geoloc.campusworld.ground import BOX, ROOF
from geoloc.campusworld.light import vary_light
from geoloc.campusworld.raymarch import (
    GROUND_BEYOND,
    SKY,
    WALL,
    first_hit,
    free_distance,
    ray_direction,
)
from geoloc.campusworld.scene import Scene
from geoloc.campusworld.shading import Rgb, encode, shade_top, shade_wall, through_air
from geoloc.campusworld.spec import WorldSpec, random_stream
from geoloc.kernel import kernel

EXTRA_SAMPLES = 48
"""Rays per side beyond one for each pixel; coarser pixels average over more of them."""

TILE = 8
LEAST_WALL_M = 0.6  # lower steps are the edges and slopes of a roof


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
    flight = SATELLITE + 1 + int(flight_rng.integers(FLIGHTS))
    orbit = draw_orbit(flight_rng)
    rng = random_stream(spec.seed, index, place, view)
    building = campus.building_of(place)
    target = np.array([building.x, building.y, 0.4 * building.height])
    camera = orbit_camera(rng, orbit, target, view / spec.views)
    light = vary_light(campus.lights[flight], rng)
    scene = campus.scenes[flight]._replace(light=light.packed())
    return render_view(scene, camera, spec.image_size)


def render_view(scene: Scene, camera: Camera, pixels: int) -> Image.Image:
    """Return what a camera sees, as an image of ``pixels`` squared."""
    angle = 2.0 * camera.half_width / pixels
    shot = _shade_view(scene, camera.packed(), pixels + EXTRA_SAMPLES, angle)
    return Image.fromarray(shot).resize((pixels, pixels), Image.Resampling.HAMMING)


@kernel
def _shade_view(
    scene: Scene, camera: NDArray[np.float64], samples: int, pixel_angle: float
) -> NDArray[np.uint8]:
    """Return uint8 ``[samples, samples, 3]``, rendered square tile by square tile."""
    out = np.empty((samples, samples, 3), dtype=np.uint8)
    origin = (camera[0], camera[1], camera[2])
    # Half the diagonal of a tile, on the plane at unit distance, bounds the angle to its centre.
    spread = math.hypot(camera[6], camera[7]) * math.sqrt(2.0) * TILE / samples
    for r0 in range(0, samples, TILE):
        for c0 in range(0, samples, TILE):
            axis = ray_direction(camera, r0 + TILE / 2, c0 + TILE / 2, samples)
            start = free_distance(scene, origin, axis, spread)
            for r in range(r0, min(r0 + TILE, samples)):
                for c in range(c0, min(c0 + TILE, samples)):
                    direction = ray_direction(camera, r + 0.5, c + 0.5, samples)
                    rgb = shade_ray(scene, origin, direction, start, pixel_angle)
                    for k in range(3):
                        out[r, c, k] = encode(rgb[k])
    return out


@kernel
def shade_ray(scene: Scene, origin: Rgb, d: Rgb, start: float, pixel_angle: float) -> Rgb:
    """Return the linear light that arrives along a ray."""
    size = len(scene.heights)
    cell_m = scene.cell_m
    kind, t, i, j = first_hit(scene, origin, d, start)
    if kind == SKY:
        return scene.light[9], scene.light[10], scene.light[11]
    x, y, z = origin[0] + t * d[0], origin[1] + t * d[1], origin[2] + t * d[2]
    if kind == GROUND_BEYOND:
        # The plain around the map shows the map mirrored at its border.
        i, j = mirrored(y / cell_m, size), mirrored(x / cell_m, size)
        x, y, z = (j + 0.5) * cell_m, (i + 0.5) * cell_m, scene.heights[i, j]
    cover = scene.colours[i, j, 3]
    if kind == WALL and cover == ROOF and z < scene.heights[i, j] - LEAST_WALL_M:
        rgb = shade_wall(scene, i, j, (x, y, z), d, t * pixel_angle)
    else:
        rgb = shade_top(scene, i, j, x, y, z)
        if kind == WALL and cover >= BOX:  # the sides of crowns and cars darken downwards
            low = 0.55 + 0.45 * min(max(z / max(scene.heights[i, j], 0.1), 0.0), 1.0)
            rgb = (rgb[0] * low, rgb[1] * low, rgb[2] * low)
    return through_air(rgb, t, scene.light)


@kernel
def mirrored(position: float, size: int) -> int:
    """Return the cell of a coordinate on a line that is mirrored at 0 and ``size``."""
    cell = math.floor(position) % (2 * size)
    return cell if cell < size else 2 * size - 1 - cell
