"""Putting solid things on the map: buildings with their roofs, cars, trees."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geoloc.campusworld.buildings import Roof
from geoloc.campusworld.ground import BOX, GRASS, NOISE_SIZE, PAVED, ROOF, TREE

Colours = NDArray[np.uint8]
Heights = NDArray[np.float32]
Owners = NDArray[np.uint16]
Table = NDArray[np.float64]

FLAT, GABLE, HIP, VAULT, ROUND, DOME = (int(kind) for kind in Roof)
APRON_M = 3.0
PARAPET_M = 0.8


@njit(cache=True)
def inside_part(part: Table, p: float, q: float) -> float:
    """Return the distance in m to the outline of a part: positive inside, negative outside."""
    cp, cq = (part[0] + part[1]) / 2, (part[2] + part[3]) / 2
    hp, hq = (part[1] - part[0]) / 2, (part[3] - part[2]) / 2
    if part[5] == ROUND or part[5] == DOME:
        return hp - math.hypot(p - cp, q - cq)
    return min(hp - abs(p - cp), hq - abs(q - cq))


@njit(cache=True)
def roof_height(part: Table, p: float, q: float, depth: float) -> float:
    """Return the height in m of a part's roof surface, without parapet and details."""
    kind = part[5]
    if kind == FLAT or kind == ROUND:
        return part[4]
    cp, cq = (part[0] + part[1]) / 2, (part[2] + part[3]) / 2
    hp, hq = (part[1] - part[0]) / 2, (part[3] - part[2]) / 2
    narrow = min(hp, hq)
    across = abs(q - cq) / hq if hp >= hq else abs(p - cp) / hp
    if kind == GABLE:
        return part[4] + part[6] * (1.0 - across)
    if kind == HIP:
        return part[4] + part[6] * min(1.0, depth / narrow)
    if kind == VAULT:
        return part[4] + part[6] * math.sqrt(max(0.0, 1.0 - across * across))
    r = math.hypot(p - cp, q - cq) / hp
    return part[4] + part[6] * math.sqrt(max(0.0, 1.0 - r * r))


@njit(cache=True)
def stamp_building(
    heights: Heights,
    colours: Colours,
    owners: Owners,
    cell_m: float,
    noise: Heights,
    owner: int,
    frame: tuple[float, float, float, float],
    parts: Table,
    details: Table,
    roof: Table,
    seam_m: float,
    apron: Table,
) -> None:
    """Raise one building and pave its surroundings.

    Args:
        heights, colours, owners: The maps to change, ``[N, N]``, ``[N, N, 4]``, ``[N, N]``.
        cell_m: Side of a map cell, m.
        noise: Tileable texture.
        owner: Number of the building, from 1.
        frame: x, y (m), cosine and sine of the angle.
        parts, details, roof, seam_m: See :class:`geoloc.campusworld.buildings.Building`.
        apron: sRGB colour of the paving around the walls.
    """
    size = heights.shape[0]
    x0, y0, c, s = frame
    reach = 0.0
    for k in range(len(parts)):
        far_p, far_q = max(-parts[k, 0], parts[k, 1]), max(-parts[k, 2], parts[k, 3])
        reach = max(reach, math.hypot(far_p, far_q))
    reach += APRON_M
    low_i, high_i = max(int((y0 - reach) / cell_m), 0), min(int((y0 + reach) / cell_m) + 1, size)
    low_j, high_j = max(int((x0 - reach) / cell_m), 0), min(int((x0 + reach) / cell_m) + 1, size)
    for i in range(low_i, high_i):
        for j in range(low_j, high_j):
            dx, dy = (j + 0.5) * cell_m - x0, (i + 0.5) * cell_m - y0
            p, q = c * dx + s * dy, c * dy - s * dx
            depth, best, top = -1e9, -1, 0.0
            for k in range(len(parts)):
                d = inside_part(parts[k], p, q)
                depth = max(depth, d)
                if d > 0.0:
                    h = roof_height(parts[k], p, q, d)
                    if h > top:
                        best, top = k, h
            if best < 0:
                if depth > -APRON_M and owners[i, j] == 0 and colours[i, j, 3] == GRASS:
                    rough = 6.0 * noise[i & (NOISE_SIZE - 1), j & (NOISE_SIZE - 1)]
                    for ch in range(3):
                        colours[i, j, ch] = min(max(apron[ch] + rough, 0.0), 255.0)
                    colours[i, j, 3] = PAVED
                continue
            if top < heights[i, j]:
                continue
            _paint_roof(colours, i, j, parts[best], (p, q, depth), roof, seam_m, noise)
            own = inside_part(parts[best], p, q)
            if parts[best, 5] == FLAT or parts[best, 5] == ROUND:
                if own < 0.55 and (depth < 0.55 or top > 0.0):
                    higher = own < 0.55 and depth >= 0.55 and _covered(parts, best, p, q)
                    if not higher:
                        top += PARAPET_M
                        for ch in range(3):
                            colours[i, j, ch] = min(colours[i, j, ch] * 0.55 + 104.0, 236.0)
            cover = ROOF
            for k in range(len(details)):
                if details[k, 0] <= p < details[k, 1] and details[k, 2] <= q < details[k, 3]:
                    if top - 0.3 > parts[best, 4] + parts[best, 6]:
                        continue
                    top += details[k, 4]
                    for ch in range(3):
                        colours[i, j, ch] = details[k, 5 + ch]
                    cover = BOX if details[k, 4] > 0.9 else ROOF
            heights[i, j] = top
            owners[i, j] = owner
            colours[i, j, 3] = cover


@njit(cache=True)
def _covered(parts: Table, best: int, p: float, q: float) -> bool:
    """Return whether an equally high part hides this edge of part ``best``."""
    for k in range(len(parts)):
        equal = abs(parts[k, 4] - parts[best, 4]) < 0.5
        if k != best and equal and inside_part(parts[k], p, q) > 0.55:
            return True
    return False


@njit(cache=True)
def _paint_roof(
    colours: Colours,
    i: int,
    j: int,
    part: Table,
    spot: tuple[float, float, float],
    roof: Table,
    seam_m: float,
    noise: Heights,
) -> None:
    p, q, depth = spot
    mask = NOISE_SIZE - 1
    stain = noise[(i >> 1) & mask, (j >> 1) & mask]
    fine = noise[(3 * j) & mask, (5 * i) & mask]
    value = 7.0 * stain + 4.0 * fine
    kind = part[5]
    lengthwise = part[1] - part[0] >= part[3] - part[2]
    if kind == FLAT or kind == ROUND:
        if (p % seam_m) < 0.35 or (q % (1.6 * seam_m)) < 0.35:
            value -= 11.0
        value -= 10.0 * max(0.0, 1.0 - depth / 2.5)  # dirt collects along the parapet
    elif kind == DOME:
        value += 8.0
    else:
        along = p if lengthwise else q
        value += 9.0 if (along % seam_m) < seam_m / 2 else -7.0
        ridge = abs(q - (part[2] + part[3]) / 2) if lengthwise else abs(p - (part[0] + part[1]) / 2)
        if ridge < 0.5 and kind != VAULT:
            value += 26.0
    for ch in range(3):
        colours[i, j, ch] = min(max(roof[ch] + value, 0.0), 255.0)


@njit(cache=True)
def stamp_cars(
    heights: Heights, colours: Colours, owners: Owners, cell_m: float, cars: Table
) -> None:
    """Put cars ``[C, 6]`` (x, y in m, angle in rad, r, g, b) on paved, free ground."""
    size = heights.shape[0]
    steps = int(3.2 / cell_m)
    for k in range(len(cars)):
        c, s = math.cos(cars[k, 2]), math.sin(cars[k, 2])
        ci, cj = int(cars[k, 1] / cell_m), int(cars[k, 0] / cell_m)
        for i in range(max(ci - steps, 0), min(ci + steps + 1, size)):
            for j in range(max(cj - steps, 0), min(cj + steps + 1, size)):
                dx, dy = (j + 0.5) * cell_m - cars[k, 0], (i + 0.5) * cell_m - cars[k, 1]
                p, q = c * dx + s * dy, c * dy - s * dx
                if abs(p) > 2.25 or abs(q) > 0.95 or owners[i, j] or colours[i, j, 3] != PAVED:
                    continue
                cabin = abs(p + 0.3) < 1.25
                heights[i, j] = 1.5 if cabin else 0.9
                glass = cabin and abs(p + 0.3) > 0.8
                for ch in range(3):
                    colours[i, j, ch] = 52 if glass else cars[k, 3 + ch]
                colours[i, j, 3] = BOX


@njit(cache=True)
def stamp_trees(
    heights: Heights,
    colours: Colours,
    owners: Owners,
    cell_m: float,
    noise: Heights,
    trees: Table,
) -> None:
    """Grow trees ``[T, 8]``: x, y, crown radius, height (m), conifer (0 or 1), r, g, b."""
    size = heights.shape[0]
    mask = NOISE_SIZE - 1
    for k in range(len(trees)):
        x, y, radius, tall, conifer = (
            trees[k, 0],
            trees[k, 1],
            trees[k, 2],
            trees[k, 3],
            trees[k, 4],
        )
        ci, cj = int(y / cell_m), int(x / cell_m)
        reach = int(radius * 1.25 / cell_m) + 1
        shift = (k * 131) & mask
        for i in range(max(ci - reach, 0), min(ci + reach + 1, size)):
            for j in range(max(cj - reach, 0), min(cj + reach + 1, size)):
                if owners[i, j]:
                    continue
                lump = noise[(2 * i + shift) & mask, (2 * j + shift) & mask]
                dx, dy = (j + 0.5) * cell_m - x, (i + 0.5) * cell_m - y
                r = math.hypot(dx, dy) / (radius * (1.0 + 0.13 * lump))
                if r >= 1.0:
                    continue
                dome = 1.0 - r if conifer > 0.5 else math.sqrt(1.0 - r * r)
                base = 0.18 if conifer > 0.5 else 0.42
                h = tall * (base + (1.0 - base) * dome) * (1.0 + 0.06 * lump)
                if h <= heights[i, j]:
                    continue
                heights[i, j] = h
                light = 0.72 + 0.33 * dome + 0.14 * lump
                for ch in range(3):
                    colours[i, j, ch] = min(max(trees[k, 5 + ch] * light, 0.0), 255.0)
                colours[i, j, 3] = TREE
