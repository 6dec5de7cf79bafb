"""First hit of a ray with a height map, found by descending a pyramid of maxima."""

import math

import numpy as np
from numpy.typing import NDArray

from geoloc.campusworld.scene import Scene
from geoloc.kernel import kernel

Heights = NDArray[np.float32]
Vector = tuple[float, float, float]

LEVELS = 6
"""Levels of the pyramid above the map itself; the coarsest cells are 2**5 map cells wide."""

FIRST_LEVEL = 3
NUDGE_M = 1e-4
FAR_M = 5000.0  # no map is as wide
BEAM_CELL_M = 8.0
BEAM_STEP_M = 3.0

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


@kernel
def first_hit(
    scene: Scene, origin: Vector, direction: Vector, start: float
) -> tuple[int, float, int, int]:
    """Follow a ray to the first box of the height map that it enters.

    The walk crosses the cells of a level while the ray passes above their maximum, else descends.

    Args:
        scene: The campus.
        origin: Start of the ray in m, above everything, or for a level or rising ray above the
            ground of a map cell.
        direction: Unit direction.
        start: Distance in m up to which the ray is known to be free, or 0.

    Returns:
        Kind of the hit, distance in m, row and column of the cell.
    """
    pyramid, size, cell_m = scene.pyramid, len(scene.heights), scene.cell_m
    oz, dz = origin[2], direction[2]
    rises = dz > -1e-6
    if rises and oz >= scene.top:
        return SKY, 0.0, 0, 0
    # Horizontally in cells, so that a shift turns a cell into its ancestor; t stays in m.
    ox, oy = origin[0] / cell_m, origin[1] / cell_m
    dx, dy = direction[0] / cell_m, direction[1] / cell_m
    t, end = _stretch(scene.top, oz, dz, start)
    inv_x, inv_y = _inverse(dx), _inverse(dy)
    ahead_x, ahead_y = (1 if dx > 0.0 else 0), (1 if dy > 0.0 else 0)
    level, offset = FIRST_LEVEL, _cells_below(FIRST_LEVEL, size)
    while t < end:
        x, y = ox + t * dx, oy + t * dy
        if _is_outside(x, y, size):
            return (SKY if rises else GROUND_BEYOND), end, 0, 0
        width = size >> level
        column, row = int(x) >> level, int(y) >> level
        exit_x = (((column + ahead_x) << level) - ox) * inv_x
        exit_y = (((row + ahead_y) << level) - oy) * inv_y
        leave = max(min(exit_x, exit_y), t) + NUDGE_M
        height = pyramid[offset + row * width + column]
        if oz + (t if rises else leave) * dz > height:  # at its lowest in the cell
            t = leave
            if level < LEVELS - 1:
                # Go up only on leaving the parent cell, or the walk would bounce between levels.
                climbs = (column & 1) == ahead_x if exit_x < exit_y else (row & 1) == ahead_y
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
    if rises:
        return SKY, end, 0, 0
    x, y = ox + end * dx, oy + end * dy
    if _is_outside(x, y, size):
        return GROUND_BEYOND, end, 0, 0
    return TOP, end, int(y), int(x)


@kernel
def _stretch(top: float, height: float, slope: float, start: float) -> tuple[float, float]:
    """Return the distances in m between which a ray can hit something.

    Before the first it is above the highest box ``top`` or known to be free; at the second it has
    reached the ground, or beyond it there is nothing but sky.

    Args:
        top: Height of the highest box in m.
        height: Of the ray's origin in m.
        slope: Vertical part of its unit direction.
        start: Distance in m up to which the ray is known to be free, or 0.
    """
    rises = slope > -1e-6
    end = FAR_M if rises else -height / slope
    if slope > 1e-6:
        end = min(end, (top - height) / slope)
    first = start if rises else max((top - height) / slope, start)
    return max(first, 0.0) + NUDGE_M, end


@kernel
def _inverse(speed: float) -> float:
    """Return 1 / ``speed``, or a huge number for a ray that never leaves its row or column."""
    return 1.0 / speed if abs(speed) > 1e-12 else 1e30


@kernel
def _cells_below(level: int, size: int) -> int:
    """Return where a level of the pyramid over ``[size, size]`` cells begins."""
    offset = 0
    for k in range(level):
        offset += (size >> k) * (size >> k)
    return offset


@kernel
def _is_outside(x: float, y: float, size: int) -> bool:
    """Return whether a position in cells is outside the map."""
    return x < 0.0 or y < 0.0 or x >= size or y >= size


def build_beam_map(pyramid: Heights, size: int, cell_m: float) -> Heights:
    """Return the maxima within one cell of :data:`BEAM_CELL_M` around each such cell."""
    level = round(np.log2(BEAM_CELL_M / cell_m))
    offset = sum((size >> k) ** 2 for k in range(level))
    width = size >> level
    padded = np.pad(pyramid[offset : offset + width * width].reshape(width, width), 1)
    rows = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    return np.asarray(np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:]))


@kernel
def free_distance(scene: Scene, origin: Vector, direction: Vector, spread: float) -> float:
    """Return a distance in m that every ray of a narrow beam travels freely.

    A ray whose direction differs from the beam's by at most ``spread`` is within ``spread * t`` of
    the beam's axis after ``t`` m; the beam stops before its lowest ray may touch anything within
    a cell of :data:`BEAM_CELL_M`.

    Args:
        scene: The campus.
        origin: Start of the beam in m.
        direction: Unit direction of its axis.
        spread: Greatest length of the difference to the unit direction of a ray.
    """
    if direction[2] + spread > -1e-3:
        return 0.0
    width = len(scene.beam_map)
    t = (scene.top - origin[2]) / (direction[2] - spread)  # where the lowest ray meets the top
    t = max(t, 0.0)
    while True:
        ahead = t + BEAM_STEP_M
        x, y = origin[0] + t * direction[0], origin[1] + t * direction[1]
        column, row = math.floor(x / BEAM_CELL_M), math.floor(y / BEAM_CELL_M)
        if column < 0 or row < 0 or column >= width or row >= width:
            return t
        lowest = origin[2] + ahead * (direction[2] - spread)
        if spread * ahead + BEAM_STEP_M > BEAM_CELL_M or lowest <= scene.beam_map[row, column]:
            return t
        t = ahead


@kernel
def ray_direction(camera: NDArray[np.float64], row: float, column: float, size: int) -> Vector:
    """Return the unit direction through a pixel position; ``camera`` is ``Camera.packed()``."""
    p, q = 2.0 * column / size - 1.0, 2.0 * row / size - 1.0
    x = camera[3] + p * camera[6] + q * camera[9]
    y = camera[4] + p * camera[7] + q * camera[10]
    z = camera[5] + p * camera[8] + q * camera[11]
    norm = math.sqrt(x * x + y * y + z * z)
    return x / norm, y / norm, z / norm
