"""Putting solid things on the map: buildings with their roofs, cars, trees."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoloc.campusworld.buildings import Building, Roof
from geoloc.campusworld.ground import BOX, GRASS, NOISE_SIZE, PAVED, ROOF, TREE
from geoloc.kernel import kernel

Table = NDArray[np.float64]


class Maps(NamedTuple):
    """The maps of a campus while it is built; see :class:`geoloc.campusworld.scene.Scene`."""

    heights: NDArray[np.float32]
    colours: NDArray[np.uint8]
    owners: NDArray[np.uint16]
    noise: NDArray[np.float32]
    cell_m: float


class Solid(NamedTuple):
    """A :class:`geoloc.campusworld.buildings.Building` in the form the kernels take."""

    owner: int
    x: float
    y: float
    cos: float
    sin: float
    parts: Table
    details: Table
    roof: Table
    seam_m: float
    apron: Table


def solid_of(building: Building, owner: int, apron: Table) -> Solid:
    """Return a building with its number (from 1) and the colour ``[3]`` of its apron."""
    return Solid(
        owner, building.x, building.y, math.cos(building.angle), math.sin(building.angle),
        building.parts, building.details, building.roof, building.seam_m, apron,
    )  # fmt: skip


FLAT, GABLE, HIP, VAULT, ROUND, DOME = (int(kind) for kind in Roof)
APRON_M = 3.0
PARAPET_M = 0.8
PARAPET_WIDTH_M = 0.75


@kernel
def inside_part(part: Table, p: float, q: float) -> float:
    """Return the distance in m to the outline of a part: positive inside, negative outside."""
    cp, cq = (part[0] + part[1]) / 2, (part[2] + part[3]) / 2
    hp, hq = (part[1] - part[0]) / 2, (part[3] - part[2]) / 2
    if part[5] == ROUND or part[5] == DOME:
        return float(hp - math.hypot(p - cp, q - cq))
    return float(min(hp - abs(p - cp), hq - abs(q - cq)))


@kernel
def roof_height(part: Table, p: float, q: float, depth: float) -> float:
    """Return the height in m of a part's roof surface, without parapet and details."""
    kind = part[5]
    cp, cq = (part[0] + part[1]) / 2, (part[2] + part[3]) / 2
    hp, hq = (part[1] - part[0]) / 2, (part[3] - part[2]) / 2
    across = abs(q - cq) / hq if hp >= hq else abs(p - cp) / hp
    bulge = 0.0  # share of the rise
    if kind == GABLE:
        bulge = 1.0 - across
    elif kind == HIP:
        bulge = min(1.0, depth / min(hp, hq))
    elif kind == VAULT:
        bulge = math.sqrt(max(0.0, 1.0 - across * across))
    elif kind == DOME:
        r = math.hypot(p - cp, q - cq) / hp
        bulge = math.sqrt(max(0.0, 1.0 - r * r))
    return float(part[4] + part[6] * bulge)


@kernel
def stamp_building(maps: Maps, solid: Solid) -> None:
    """Raise one building and pave its surroundings."""
    size, cell_m, parts = len(maps.heights), maps.cell_m, solid.parts
    reach = APRON_M
    for k in range(len(parts)):
        far_p, far_q = max(-parts[k, 0], parts[k, 1]), max(-parts[k, 2], parts[k, 3])
        reach = max(reach, math.hypot(far_p, far_q) + APRON_M)
    low_i, high_i = int((solid.y - reach) / cell_m), int((solid.y + reach) / cell_m) + 1
    low_j, high_j = int((solid.x - reach) / cell_m), int((solid.x + reach) / cell_m) + 1
    for i in range(max(low_i, 0), min(high_i, size)):
        for j in range(max(low_j, 0), min(high_j, size)):
            dx, dy = (j + 0.5) * cell_m - solid.x, (i + 0.5) * cell_m - solid.y
            p, q = solid.cos * dx + solid.sin * dy, solid.cos * dy - solid.sin * dx
            depth, best, top = -1e9, -1, 0.0
            for k in range(len(parts)):
                d = inside_part(parts[k], p, q)
                depth = max(depth, d)
                if d > 0.0:
                    h = roof_height(parts[k], p, q, d)
                    if h > top:
                        best, top = k, h
            if best >= 0 and top >= maps.heights[i, j]:
                _raise_cell(maps, solid, i, j, p, q, depth, best, top)
            elif depth > -APRON_M and maps.owners[i, j] == 0 and maps.colours[i, j, 3] == GRASS:
                rough = 6.0 * maps.noise[i & (NOISE_SIZE - 1), j & (NOISE_SIZE - 1)]
                for ch in range(3):
                    maps.colours[i, j, ch] = min(max(solid.apron[ch] + rough, 0.0), 255.0)
                maps.colours[i, j, 3] = PAVED


@kernel
def _raise_cell(
    maps: Maps,
    solid: Solid,
    i: int,
    j: int,
    p: float,
    q: float,
    depth: float,
    best: int,
    top: float,
) -> None:
    """Set height, colour and owner of cell (i, j) at (p, q) m, ``depth`` m inside the outline."""
    part, details, colours = solid.parts[best], solid.details, maps.colours
    _paint_roof(maps, i, j, part, p, q, depth, solid)
    is_flat = part[5] == FLAT or part[5] == ROUND
    if is_flat and inside_part(part, p, q) < PARAPET_WIDTH_M and not _covered(solid, best, p, q):
        top += PARAPET_M
        for ch in range(3):
            colours[i, j, ch] = min(colours[i, j, ch] * 0.55 + 104.0, 236.0)
    cover = ROOF
    roof_top = part[4] + part[6] + 0.3
    for k in range(len(details)):
        inside = details[k, 0] <= p < details[k, 1] and details[k, 2] <= q < details[k, 3]
        if inside and top <= roof_top:  # details do not stand on each other
            top += details[k, 4]
            for ch in range(3):
                colours[i, j, ch] = details[k, 5 + ch]
            cover = BOX if details[k, 4] > 0.9 else ROOF
    maps.heights[i, j] = top
    maps.owners[i, j] = solid.owner
    colours[i, j, 3] = cover


@kernel
def _covered(solid: Solid, best: int, p: float, q: float) -> bool:
    """Return whether an equally high part hides this edge of part ``best``."""
    parts = solid.parts
    for k in range(len(parts)):
        equal = abs(parts[k, 4] - parts[best, 4]) < 0.5
        if k != best and equal and inside_part(parts[k], p, q) > PARAPET_WIDTH_M:
            return True
    return False


@kernel
def _paint_roof(
    maps: Maps, i: int, j: int, part: Table, p: float, q: float, depth: float, solid: Solid
) -> None:
    """Paint the roof surface: stains, seams or rows of tiles, ridges."""
    mask = NOISE_SIZE - 1
    stain = maps.noise[(i >> 1) & mask, (j >> 1) & mask]
    value = 7.0 * stain + 4.0 * maps.noise[(3 * j) & mask, (5 * i) & mask]
    kind, seam_m = part[5], solid.seam_m
    lengthwise = part[1] - part[0] >= part[3] - part[2]
    if kind == FLAT or kind == ROUND:  # noqa: SIM109 - a tuple would be built for each cell
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
        maps.colours[i, j, ch] = min(max(solid.roof[ch] + value, 0.0), 255.0)


@kernel
def stamp_cars(maps: Maps, cars: Table) -> None:
    """Put cars ``[C, 6]`` (x, y in m, angle in rad, r, g, b) on paved, free ground."""
    size, cell_m, colours = len(maps.heights), maps.cell_m, maps.colours
    steps = int(3.2 / cell_m)
    for k in range(len(cars)):
        c, s = math.cos(cars[k, 2]), math.sin(cars[k, 2])
        ci, cj = int(cars[k, 1] / cell_m), int(cars[k, 0] / cell_m)
        for i in range(max(ci - steps, 0), min(ci + steps + 1, size)):
            for j in range(max(cj - steps, 0), min(cj + steps + 1, size)):
                dx, dy = (j + 0.5) * cell_m - cars[k, 0], (i + 0.5) * cell_m - cars[k, 1]
                p, q = c * dx + s * dy, c * dy - s * dx
                if abs(p) > 2.25 or abs(q) > 0.95:
                    continue
                if maps.owners[i, j] or colours[i, j, 3] != PAVED:
                    continue
                cabin = abs(p + 0.3) < 1.25
                maps.heights[i, j] = 1.5 if cabin else 0.9
                glass = cabin and abs(p + 0.3) > 0.8
                for ch in range(3):
                    colours[i, j, ch] = 52 if glass else cars[k, 3 + ch]
                colours[i, j, 3] = BOX


@kernel
def stamp_trees(maps: Maps, trees: Table) -> None:
    """Grow trees ``[T, 8]``: x, y, crown radius, height (m), conifer (0 or 1), r, g, b."""
    size, cell_m = len(maps.heights), maps.cell_m
    mask = NOISE_SIZE - 1
    for k in range(len(trees)):
        x, y, radius, tall = trees[k, 0], trees[k, 1], trees[k, 2], trees[k, 3]
        conifer = trees[k, 4] > 0.5
        ci, cj = int(y / cell_m), int(x / cell_m)
        reach = int(radius * 1.25 / cell_m) + 1
        shift = k * 131
        for i in range(max(ci - reach, 0), min(ci + reach + 1, size)):
            for j in range(max(cj - reach, 0), min(cj + reach + 1, size)):
                if maps.owners[i, j]:
                    continue
                lump = maps.noise[(2 * i + shift) & mask, (2 * j + shift) & mask]
                dx, dy = (j + 0.5) * cell_m - x, (i + 0.5) * cell_m - y
                r = math.hypot(dx, dy) / (radius * (1.0 + 0.13 * lump))
                if r >= 1.0:
                    continue
                dome = 1.0 - r if conifer else math.sqrt(1.0 - r * r)
                base = 0.18 if conifer else 0.42
                h = tall * (base + (1.0 - base) * dome) * (1.0 + 0.06 * lump)
                if h <= maps.heights[i, j]:
                    continue
                maps.heights[i, j] = h
                light = 0.72 + 0.33 * dome + 0.14 * lump
                for ch in range(3):
                    maps.colours[i, j, ch] = min(max(trees[k, 5 + ch] * light, 0.0), 255.0)
                maps.colours[i, j, 3] = TREE
