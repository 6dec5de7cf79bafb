"""Colour of a visible point: surface, sun with shadow, sky light, air."""

import math

import numpy as np
from numpy.typing import NDArray

from geoloc.campusworld.buildings import Facade
from geoloc.campusworld.ground import GRASS, ROOF, TREE, WATER, bilinear
from geoloc.campusworld.scene import Scene
from geoloc.kernel import kernel

Table = NDArray[np.float64]
Grid = NDArray[np.float32]
Rgb = tuple[float, float, float]

RIBBON, CURTAIN = int(Facade.RIBBON), int(Facade.CURTAIN)
LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float64)
"""Linear light of an 8-bit colour value."""

ENCODED = np.rint(255.0 * (np.arange(4096) / 4095.0) ** (1 / 2.2)).astype(np.uint8)
"""8-bit colour value of linear light in 4096 steps."""


@kernel
def encode(light: float) -> int:
    """Return the 8-bit value of linear light, with a soft shoulder towards white."""
    value = light if light < 0.7 else 0.7 + 0.3 * (1.0 - math.exp(-(light - 0.7) / 0.3))
    return int(ENCODED[int(min(max(value, 0.0), 1.0) * 4095.0)])


@kernel
def sunlit(scene: Scene, x: float, y: float, z: float) -> float:
    """Return how much of the sun reaches a point, 0 .. 1, with a soft edge."""
    limit = len(scene.ceiling) - 1.001
    i = min(max(y / scene.coarse_m - 0.5, 0.0), limit)
    j = min(max(x / scene.coarse_m - 0.5, 0.0), limit)
    return min(max(0.5 - (bilinear(scene.ceiling, i, j) - z) / 1.2, 0.0), 1.0)


@kernel
def smaller(before: float, after: float) -> float:
    """Return the slope of smaller size: flat roofs stay flat up to their edges."""
    return before if abs(before) < abs(after) else after


@kernel
def normal_at(heights: Grid, cell_m: float, i: int, j: int, wide: bool) -> Rgb:
    """Return the unit normal of the height map; ``wide`` takes the full slope of rough things."""
    size = len(heights)
    up, down = min(i + 1, size - 1), max(i - 1, 0)
    left, right = max(j - 1, 0), min(j + 1, size - 1)
    h = heights[i, j]
    if wide:
        gx = (heights[i, right] - heights[i, left]) / (2.0 * cell_m)
        gy = (heights[up, j] - heights[down, j]) / (2.0 * cell_m)
        gx, gy = min(max(gx, -2.5), 2.5), min(max(gy, -2.5), 2.5)
    else:
        gx = smaller(h - heights[i, left], heights[i, right] - h) / cell_m
        gy = smaller(h - heights[down, j], heights[up, j] - h) / cell_m
    norm = 1.0 / math.sqrt(gx * gx + gy * gy + 1.0)
    return -gx * norm, -gy * norm, norm


@kernel
def lit(
    albedo: Rgb, cover: int, normal: Rgb, sun_share: float, sky_share: float, light: Table
) -> Rgb:
    """Return the linear light that a surface sends to the viewer.

    Args:
        albedo: Colour of the surface, linear.
        cover: Its cover class.
        normal: Its unit normal.
        sun_share: How much of the sun it sees.
        sky_share: How much of the sky it sees.
        light: ``Light.packed()``.
    """
    facing = max(normal[0] * light[0] + normal[1] * light[1] + normal[2] * light[2], 0.0)
    if cover == TREE:
        facing = 0.25 + 0.75 * facing  # leaves let light through
    sun = facing * sun_share
    sky = sky_share * (0.72 + 0.28 * normal[2])  # walls also see the bright ground
    r = albedo[0] * (sun * light[3] + sky * light[6])
    g = albedo[1] * (sun * light[4] + sky * light[7])
    b = albedo[2] * (sun * light[5] + sky * light[8])
    if cover == TREE:
        r, g, b = r * light[13], g * light[14], b * light[15]
    elif cover == GRASS:
        r, g, b = r * light[16], g * light[17], b * light[18]
    return r * light[19], g * light[20], b * light[21]


@kernel
def shade_top(scene: Scene, i: int, j: int, x: float, y: float, z: float) -> Rgb:
    """Return the light from the upper side of cell (i, j), seen at (x, y, z) m."""
    red, green, blue, cover = scene.colours[i, j]
    albedo = (LINEAR[red], LINEAR[green], LINEAR[blue])
    normal = (0.0, 0.0, 1.0)
    if cover >= ROOF:
        normal = normal_at(scene.heights, scene.cell_m, i, j, cover == TREE)
    limit = len(scene.sky) - 1
    share = scene.sky[min(int(y / scene.coarse_m), limit), min(int(x / scene.coarse_m), limit)]
    sun = sunlit(scene, x, y, z + 0.25)
    if cover == WATER:  # mirrors some sky
        light = scene.light
        r, g, b = lit(albedo, cover, normal, 0.4 + 0.6 * sun, share, light)
        return r + 0.10 * light[6], g + 0.12 * light[7], b + 0.13 * light[8]
    return lit(albedo, cover, normal, sun, share, scene.light)


@kernel
def pulse(x: float, period: float, duty: float, width: float) -> float:
    """Return the share of ``x +- width / 2`` covered by pulses of ``duty`` of each period."""
    low, high = (x - width / 2) / period, (x + width / 2) / period
    area_low = math.floor(low) * duty + min(low - math.floor(low), duty)
    area_high = math.floor(high) * duty + min(high - math.floor(high), duty)
    return (area_high - area_low) * period / width


@kernel
def wall_colour(facade: Table, along: float, z: float, top: float, footprint: float) -> Rgb:
    """Return the linear albedo of a facade, averaged over the footprint of a pixel.

    Args:
        facade: See :class:`geoloc.campusworld.buildings.Building`.
        along: Position along the wall, m.
        z: Height above the ground, m.
        top: Height of the wall, m.
        footprint: Width of the pixel on the wall, m.
    """
    floor_m, pitch, wide, high, kind = facade[6], facade[7], facade[8], facade[9], facade[10]
    width = max(footprint, 0.12)
    glass = pulse(z - 0.28 * floor_m, floor_m, high, width)
    if kind != RIBBON:
        glass *= pulse(along, pitch, wide, width)
    if z > top - 1.3:
        glass = 0.0
    ground = 1.0
    if z < floor_m:
        ground = facade[11]
    window = math.floor(along / pitch) * 7.0 + math.floor(z / floor_m) * 13.0
    gleam = 0.75 + 0.5 * ((window * 0.618034) % 1.0)
    if width > pitch:
        gleam = 1.0
    edge = 0.88 if z > top - 0.8 or (kind == CURTAIN and glass < 0.5) else 1.0
    r = facade[0] * ground * edge * (1.0 - glass) + facade[3] * gleam * glass
    g = facade[1] * ground * edge * (1.0 - glass) + facade[4] * gleam * glass
    b = facade[2] * ground * edge * (1.0 - glass) + facade[5] * gleam * glass
    return LINEAR[int(min(r, 255.0))], LINEAR[int(min(g, 255.0))], LINEAR[int(min(b, 255.0))]


@kernel
def shade_wall(scene: Scene, i: int, j: int, hit: Rgb, direction: Rgb, footprint: float) -> Rgb:
    """Return the light from the wall of the building in cell (i, j).

    Args:
        scene: The campus.
        i: Row of the cell whose side was hit.
        j: Its column.
        hit: The point, m.
        direction: Direction of the ray.
        footprint: Width of the pixel at that distance, m.
    """
    owner = scene.owners[i, j] - 1
    nx, ny, along = wall_face(scene, scene.frames[owner], hit, direction)
    albedo = wall_colour(scene.facades[owner], along, hit[2], scene.heights[i, j], footprint)
    sun = sunlit(scene, hit[0] + 1.2 * nx, hit[1] + 1.2 * ny, hit[2] + 0.3)
    sky_share = 0.55 + 0.45 * min(hit[2] / 12.0, 1.0)
    return lit(albedo, ROOF, (nx, ny, 0.0), sun, sky_share, scene.light)


@kernel
def wall_face(scene: Scene, frame: Table, hit: Rgb, direction: Rgb) -> Rgb:
    """Return the horizontal normal of the wall that was hit, and the position along it in m.

    Walls are parallel to the axes of the building, whatever the map cells look like: the wall is
    the one that faces the viewer and has open air before it.
    """
    c, s = frame[2], frame[3]
    px, py = hit[0] - frame[0], hit[1] - frame[1]
    dp, dq = c * direction[0] + s * direction[1], c * direction[1] - s * direction[0]
    sign_p = -1.0 if dp > 0.0 else 1.0
    sign_q = -1.0 if dq > 0.0 else 1.0
    probe = 1.6 * max(scene.cell_m, 0.7)
    open_p = is_open(scene, hit, c * sign_p * probe, s * sign_p * probe)
    open_q = is_open(scene, hit, -s * sign_q * probe, c * sign_q * probe)
    faces_p = abs(dp) > abs(dq) if open_p == open_q else open_p
    if faces_p:
        return c * sign_p, s * sign_p, c * py - s * px
    return -s * sign_q, c * sign_q, c * px + s * py


@kernel
def is_open(scene: Scene, hit: Rgb, dx: float, dy: float) -> bool:
    """Return whether no building is at a horizontal offset from a point."""
    size = len(scene.heights)
    i, j = int((hit[1] + dy) / scene.cell_m), int((hit[0] + dx) / scene.cell_m)
    if i < 0 or j < 0 or i >= size or j >= size:
        return True
    return bool(scene.owners[i, j] == 0 or scene.heights[i, j] < hit[2])


@kernel
def through_air(colour: Rgb, distance: float, light: Table) -> Rgb:
    """Return a colour as seen through ``distance`` m of haze."""
    keep = math.exp(-distance * light[12])
    return (
        colour[0] * keep + light[9] * (1.0 - keep),
        colour[1] * keep + light[10] * (1.0 - keep),
        colour[2] * keep + light[11] * (1.0 - keep),
    )
