"""Colour of a visible point: surface, sun with shadow, sky light, air."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geoloc.campusworld.buildings import Facade
from geoloc.campusworld.ground import BOX, GRASS, ROOF, TREE, WATER, bilinear

Table = NDArray[np.float64]
Grid = NDArray[np.float32]
Rgb = tuple[float, float, float]

RIBBON, CURTAIN = int(Facade.RIBBON), int(Facade.CURTAIN)
LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float64)
"""Linear light of an 8-bit colour value."""

ENCODED = np.rint(255.0 * (np.arange(4096) / 4095.0) ** (1 / 2.2)).astype(np.uint8)
"""8-bit colour value of linear light in 4096 steps."""


@njit(cache=True)
def encode(light: float) -> int:
    """Return the 8-bit value of linear light, with a soft shoulder towards white."""
    value = light if light < 0.7 else 0.7 + 0.3 * (1.0 - math.exp(-(light - 0.7) / 0.3))
    return ENCODED[int(min(max(value, 0.0), 1.0) * 4095.0)]


@njit(cache=True)
def sunlit(ceiling: Grid, shadow_cell_m: float, x: float, y: float, z: float) -> float:
    """Return how much of the sun reaches a point, 0 .. 1, with a soft edge."""
    limit = len(ceiling) - 1.001
    i = min(max(y / shadow_cell_m - 0.5, 0.0), limit)
    j = min(max(x / shadow_cell_m - 0.5, 0.0), limit)
    return min(max(0.5 - (bilinear(ceiling, i, j) - z) / 1.2, 0.0), 1.0)


@njit(cache=True)
def smaller(before: float, after: float) -> float:
    """Return the slope of smaller size: flat roofs stay flat up to their edges."""
    return before if abs(before) < abs(after) else after


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def shade_top(
    colours: NDArray[np.uint8],
    heights: Grid,
    ceiling: Grid,
    sky: Grid,
    cell_m: float,
    shadow_cell_m: float,
    spot: tuple[int, int, float, float, float],
    light: Table,
) -> Rgb:
    """Return the light from the upper side of cell (i, j), seen at (x, y, z) m."""
    i, j, x, y, z = spot
    cover = colours[i, j, 3]
    albedo = (LINEAR[colours[i, j, 0]], LINEAR[colours[i, j, 1]], LINEAR[colours[i, j, 2]])
    normal = (0.0, 0.0, 1.0)
    if cover >= ROOF:
        normal = normal_at(heights, cell_m, i, j, cover == TREE)
    limit = len(sky) - 1
    share = sky[min(int(y / shadow_cell_m), limit), min(int(x / shadow_cell_m), limit)]
    sun = sunlit(ceiling, shadow_cell_m, x, y, z + 0.25)
    if cover == WATER:  # mirrors some sky
        r, g, b = lit(albedo, cover, normal, 0.4 + 0.6 * sun, share, light)
        return r + 0.10 * light[6], g + 0.12 * light[7], b + 0.13 * light[8]
    return lit(albedo, cover, normal, sun, share, light)


@njit(cache=True)
def pulse(x: float, period: float, duty: float, width: float) -> float:
    """Return the share of ``x +- width / 2`` covered by pulses of ``duty`` of each period."""
    low, high = (x - width / 2) / period, (x + width / 2) / period
    area_low = math.floor(low) * duty + min(low - math.floor(low), duty)
    area_high = math.floor(high) * duty + min(high - math.floor(high), duty)
    return (area_high - area_low) * period / width


@njit(cache=True)
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


@njit(cache=True)
def wall_face(
    owners: NDArray[np.uint16],
    heights: Grid,
    cell_m: float,
    frame: Table,
    hit: Rgb,
    direction: Rgb,
) -> tuple[float, float, float]:
    """Return the horizontal normal of the wall that was hit, and the position along it in m.

    Walls are parallel to the axes of the building, whatever the map cells look like: the wall is
    the one that faces the viewer and has open air before it.
    """
    c, s = frame[2], frame[3]
    px, py = hit[0] - frame[0], hit[1] - frame[1]
    p, q = c * px + s * py, c * py - s * px
    dp, dq = c * direction[0] + s * direction[1], c * direction[1] - s * direction[0]
    sign_p = -1.0 if dp > 0.0 else 1.0
    sign_q = -1.0 if dq > 0.0 else 1.0
    probe = 1.6 * max(cell_m, 0.7)
    size = len(heights)
    open_p = _open(owners, heights, cell_m, size, hit, c * sign_p * probe, s * sign_p * probe)
    open_q = _open(owners, heights, cell_m, size, hit, -s * sign_q * probe, c * sign_q * probe)
    if open_p and (not open_q or abs(dp) > abs(dq)) or not open_q and abs(dp) > abs(dq):
        return c * sign_p, s * sign_p, q
    return -s * sign_q, c * sign_q, p


@njit(cache=True)
def _open(
    owners: NDArray[np.uint16],
    heights: Grid,
    cell_m: float,
    size: int,
    hit: Rgb,
    dx: float,
    dy: float,
) -> bool:
    i, j = int((hit[1] + dy) / cell_m), int((hit[0] + dx) / cell_m)
    if i < 0 or j < 0 or i >= size or j >= size:
        return True
    return owners[i, j] == 0 or heights[i, j] < hit[2]


@njit(cache=True)
def through_air(colour: Rgb, distance: float, light: Table) -> Rgb:
    """Return a colour as seen through ``distance`` m of haze."""
    keep = math.exp(-distance * light[12])
    return (
        colour[0] * keep + light[9] * (1.0 - keep),
        colour[1] * keep + light[10] * (1.0 - keep),
        colour[2] * keep + light[11] * (1.0 - keep),
    )


__all__ = ["BOX", "encode", "lit", "shade_top", "sunlit", "through_air", "wall_colour", "wall_face"]
