"""First hit of a ray with a height map, found by descending a pyramid of maxima."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Heights = NDArray[np.float32]

LEVELS = 6
"""Levels of the pyramid above the map itself; the coarsest cells are 2**5 map cells wide."""

NUDGE_M = 1e-4

SKY, GROUND_BEYOND, WALL, TOP = 0, 1, 2, 3
"""Kinds of hits: none, the plain outside the map, the side of a cell, the top of a cell."""


def build_pyramid(heights: Heights) -> Heights:
    """Return the maxima of ``heights [N, N]`` over blocks of 1, 2, 4 .. cells, concatenated.

    Args:
        heights: Height map; N is a multiple of ``2**(LEVELS - 1)``.
    """
    levels = [heights]
    for _ in range(LEVELS - 1):
        fine = levels[-1]
        rows = np.maximum(fine[0::2], fine[1::2])
        levels.append(np.maximum(rows[:, 0::2], rows[:, 1::2]))
    return np.concatenate([level.ravel() for level in levels])


@njit(cache=True)
def first_hit(
    pyramid: Heights,
    size: int,
    cell_m: float,
    top: float,
    origin: tuple[float, float, float],
    direction: tuple[float, float, float],
) -> tuple[int, float, int, int]:
    """Follow a ray to the first box of the height map that it enters.

    Every map cell is a box from below the ground up to its height. The walk crosses the cells of
    a level as long as the ray passes above their maximum, and goes one level down where it may
    not.

    Args:
        pyramid: From :func:`build_pyramid`.
        size: Side N of the map in cells.
        cell_m: Side of a cell in m.
        top: Greatest height of the map in m.
        origin: Start of the ray in m, above the map.
        direction: Unit direction, pointing down.

    Returns:
        Kind of the hit, distance in m, row and column of the cell.
    """
    ox, oy, oz = origin
    dx, dy, dz = direction
    if dz > -1e-6:
        return SKY, 0.0, 0, 0
    ground = -oz / dz
    t = max((top - oz) / dz, 0.0) + NUDGE_M
    inv_x = 1.0 / dx if abs(dx) > 1e-12 else 1e30
    inv_y = 1.0 / dy if abs(dy) > 1e-12 else 1e30
    ahead_x, ahead_y = (1 if dx > 0.0 else 0), (1 if dy > 0.0 else 0)
    level = LEVELS - 1
    offset = 0
    for k in range(level):
        offset += (size >> k) * (size >> k)
    extent = size * cell_m
    while t < ground + 1.0:
        x, y = ox + t * dx, oy + t * dy
        if x < 0.0 or y < 0.0 or x >= extent or y >= extent:
            return GROUND_BEYOND, ground, 0, 0
        side = cell_m * (1 << level)
        width = size >> level
        column, row = int(x / side), int(y / side)
        exit_x = ((column + ahead_x) * side - ox) * inv_x
        exit_y = ((row + ahead_y) * side - oy) * inv_y
        leave = max(min(exit_x, exit_y), t) + NUDGE_M
        height = pyramid[offset + row * width + column]
        if oz + leave * dz > height:
            t = leave
            if level < LEVELS - 1:
                # Go up only on leaving the parent cell, or the walk would bounce between levels.
                if exit_x < exit_y:
                    climbs = (column & 1) == ahead_x
                else:
                    climbs = (row & 1) == ahead_y
                if climbs:
                    offset += width * width
                    level += 1
        elif level > 0:
            level -= 1
            offset -= (size >> level) * (size >> level)
        else:
            if oz + t * dz <= height:
                return WALL, t, row, column
            return TOP, (height - oz) / dz, row, column
    x, y = ox + ground * dx, oy + ground * dy
    if x < 0.0 or y < 0.0 or x >= extent or y >= extent:
        return GROUND_BEYOND, ground, 0, 0
    return TOP, ground, int(y / cell_m), int(x / cell_m)


@njit(cache=True)
def ray_direction(
    camera: NDArray[np.float64], row: float, column: float, size: int
) -> tuple[float, float, float]:
    """Return the unit direction through a pixel position; ``camera`` is ``Camera.packed()``."""
    p, q = 2.0 * column / size - 1.0, 2.0 * row / size - 1.0
    x = camera[3] + p * camera[6] + q * camera[9]
    y = camera[4] + p * camera[7] + q * camera[10]
    z = camera[5] + p * camera[8] + q * camera[11]
    norm = math.sqrt(x * x + y * y + z * z)
    return x / norm, y / norm, z / norm


@njit(cache=True)
def cast_rays(
    pyramid: Heights,
    size: int,
    cell_m: float,
    top: float,
    camera: NDArray[np.float64],
    pixels: int,
) -> tuple[NDArray[np.uint8], Heights, NDArray[np.int32]]:
    """Return kind ``[H, H]``, distance (m) ``[H, H]`` and cell number ``[H, H]`` of the hits."""
    kinds = np.zeros((pixels, pixels), dtype=np.uint8)
    distances = np.zeros((pixels, pixels), dtype=np.float32)
    cells = np.zeros((pixels, pixels), dtype=np.int32)
    origin = (camera[0], camera[1], camera[2])
    for i in range(pixels):
        for j in range(pixels):
            direction = ray_direction(camera, i + 0.5, j + 0.5, pixels)
            kind, t, row, column = first_hit(pyramid, size, cell_m, top, origin, direction)
            kinds[i, j] = kind
            distances[i, j] = t
            cells[i, j] = row * size + column
    return kinds, distances, cells
