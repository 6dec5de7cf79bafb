"""Painting the open ground: streets with markings, and the use of each block."""

import math
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geoloc.campusworld.streets import SIDEWALK_M, Land, StreetGrid
from geoloc.campusworld.style import Style, colour, unit

Grid = NDArray[np.float32]

PAVED, GRASS, WATER, ROOF, BOX, TREE = 0, 1, 2, 3, 4, 5
"""Cover classes, kept in the fourth channel of the colour map."""

SIDEWALK = SIDEWALK_M
NOISE_SIZE = 1024
LAWN, PLAZA, PARKING, TRACK, COURTS, POND, WOOD, GARDEN = (int(use) for use in Land if use)

Paint = tuple[float, float, float, int]


def coarse_grids(streets: StreetGrid, style: Grid, step_m: float) -> Grid:
    """Return what the painter interpolates, float32 ``[14, N, N]`` on a grid of ``step_m``.

    Channels: u, v, grass rgb, paving rgb, road rgb, share of paved ground, tone of the ground,
    density of the vegetation.

    Args:
        streets: The street grid.
        style: Style fields on the same grid, ``[len(Style), N, N]``.
        step_m: Spacing of the grid in m.
    """
    coordinates = np.arange(style.shape[1]) * step_m
    u, v = streets.grid(coordinates)
    look = unit(style.astype(np.float64))
    rgb = [
        np.moveaxis(colour(kind, look[kind]), -1, 0)
        for kind in (Style.GRASS, Style.PAVING, Style.ROAD)
    ]
    extra = look[[Style.PAVED, Style.GRASS, Style.DENSITY]]
    return np.concatenate([u[None], v[None], *rgb, extra]).astype(np.float32)


@lru_cache(maxsize=1)
def ground_noise() -> Grid:
    """Return a tileable texture in about -1 .. 1, float32 ``[1024, 1024]``, rough on every scale.

    All campuses share it: what differs between places comes from the style fields.
    """
    rng = np.random.default_rng(0)
    total = np.zeros((NOISE_SIZE, NOISE_SIZE), dtype=np.float32)
    for repeat, weight in ((1, 0.45), (4, 0.4), (16, 0.45), (64, 0.4)):
        small = rng.standard_normal((NOISE_SIZE // repeat, NOISE_SIZE // repeat))
        layer = np.kron(small, np.ones((repeat, repeat)))
        for _ in range(2):  # two box filters turn the blocks into smooth bumps
            for axis in (0, 1):
                layer = sum(np.roll(layer, k, axis) for k in range(repeat)) / repeat
        total += (weight * layer / layer.std()).astype(np.float32)
    return np.clip(total, -2.5, 2.5) / np.float32(1.6)


@njit(cache=True, inline="never")
def bilinear(grid: Grid, y: float, x: float) -> float:
    """Interpolate ``grid [N, N]`` at a position in units of its spacing."""
    j, i = int(x), int(y)
    s, t = x - j, y - i
    low = grid[i, j] * (1.0 - s) + grid[i, j + 1] * s
    high = grid[i + 1, j] * (1.0 - s) + grid[i + 1, j + 1] * s
    return low * (1.0 - t) + high * t


@njit(cache=True, inline="never")
def road_marking(d: float, along: float, cross: float, width: float, other: float) -> float:
    """Return how much the road is lightened by paint at distance ``d`` m from its centre line.

    Args:
        d: Distance to the centre line, m.
        along: Position along the street, m.
        cross: Distance to the centre line of the nearest crossing street, m.
        width: Half width of the street, m.
        other: Half width of the crossing street, m; 0 if there is none.
    """
    if width < 3.4:
        return 0.0
    start = other + SIDEWALK + 0.3
    if other > 0.0 and cross < start + 3.2:
        striped = cross > start and (d % 1.4) < 0.7 and d < width - 0.4
        return 0.75 if striped else 0.0
    if width > 6.0 and d < 0.9:
        return 0.4 if d > 0.5 else 0.0
    if d < 0.3 and (width > 6.0 or (along % 9.0) < 4.5):
        return 0.65
    if width > 4.5 and abs(d - width / 2) < 0.25 and (along % 9.0) < 3.5:
        return 0.5
    return 0.35 if abs(d - width + 0.5) < 0.25 else 0.0


@njit(cache=True, inline="never")
def stadium(a: float, b: float, half_a: float, half_b: float) -> float:
    """Return the signed distance to a stadium outline: negative inside."""
    straight = max(abs(a) - (half_a - half_b), 0.0)
    return math.hypot(straight, b) - half_b


@njit(cache=True, inline="never")
def paint_sports(land: int, a: float, b: float, ha: float, hb: float, bits: int) -> Paint:
    """Return the paint of a running track or of ball courts; class -1 where there is none."""
    if land == TRACK:
        d = stadium(a, b, ha - 5.0, hb - 5.0)
        if d > 0.0:
            return 0.0, 0.0, 0.0, -1
        if d > -9.0:
            return (225.0, 205.0, 196.0, PAVED) if (d % 1.5) < 0.22 else (160.0, 78.0, 62.0, PAVED)
        fa, fb = ha - 30.0, hb - 18.0
        line = abs(abs(a) - fa) < 0.4 and abs(b) < fb or abs(abs(b) - fb) < 0.4 and abs(a) < fa
        line = line or abs(a) < 0.4 and abs(b) < fb or abs(math.hypot(a, b) - 7.0) < 0.4
        if line:
            return 215.0, 222.0, 210.0, PAVED
        light = 9.0 if int(abs(a) / 6.0) % 2 == 0 else -4.0
        return 66.0 + light, 122.0 + light, 54.0 + light, PAVED
    long_m, wide_m = (ha - 3.0) / 2.0, (hb - 3.0) / 3.0
    p, q = a % (2.0 * long_m), b % (2.0 * wide_m)
    p, q = abs(p - long_m), abs(q - wide_m)
    if p > long_m - 1.5 or q > wide_m - 1.5 or abs(a) > ha - 3.0 or abs(b) > hb - 3.0:
        return 0.0, 0.0, 0.0, -1
    if (
        abs(p - long_m + 4.0) < 0.3
        and q < wide_m - 3.6
        or abs(q - wide_m + 4.0) < 0.3
        and p < (long_m - 3.6)
    ):
        return 225.0, 225.0, 220.0, PAVED
    if p < 0.3 and q < wide_m - 4.0 or abs(math.hypot(p, q) - 2.5) < 0.3:
        return 225.0, 225.0, 220.0, PAVED
    inner = p < long_m - 4.0 and q < wide_m - 4.0
    kind = (bits >> 5) % 3
    if kind == 0:
        return (52.0, 96.0, 150.0, PAVED) if inner else (70.0, 124.0, 92.0, PAVED)
    if kind == 1:
        return (170.0, 88.0, 66.0, PAVED) if inner else (66.0, 112.0, 84.0, PAVED)
    return (74.0, 126.0, 88.0, PAVED) if inner else (164.0, 92.0, 72.0, PAVED)


@njit(cache=True, inline="never")
def paint_block(
    land: int, a: float, b: float, ha: float, hb: float, bits: int, rough: float, paved: float
) -> Paint:
    """Return the paint inside a block at (a, b) m from its centre.

    Class -1 asks for the local grass, -2 for the local paving, -3 for the local road surface.
    """
    r = math.hypot(a, b)
    if land == TRACK or land == COURTS:
        return paint_sports(land, a, b, ha, hb, bits)
    if land == POND:
        wave = 0.16 * math.sin(3.0 * math.atan2(b, a) + bits % 7) + 0.05 * rough
        d = math.hypot(a / (ha - 14.0), b / (hb - 12.0)) + wave
        if d < 0.8:
            return 46.0, 78.0 + 14.0 * d, 84.0 + 8.0 * d, WATER
        return (0.0, 0.0, 0.0, -2) if 0.9 < d < 0.97 else (0.0, 0.0, 0.0, -1)
    if land == PARKING:
        row = (b + hb) % 17.0
        if abs(a) > ha - 4.0 or abs(b) > hb - 4.0:
            return 0.0, 0.0, 0.0, -1
        if row < 10.6 and (((a + ha) % 2.8) < 0.3 or abs(row - 5.3) < 0.25):
            return 205.0, 205.0, 200.0, PAVED
        return 0.0, 0.0, 0.0, -3
    if land == PLAZA:
        if r < 9.0:
            return (84.0, 132.0, 140.0, WATER) if r < 7.5 else (200.0, 196.0, 188.0, PAVED)
        if (a % 9.0) < 0.5 or (b % 9.0) < 0.5 or abs(r - 20.0) < 0.8:
            return 210.0, 204.0, 194.0, PAVED
        beds = abs(abs(a) - 28.0) < 8.0 and abs(abs(b) - 22.0) < 7.0
        return 0.0, 0.0, 0.0, -1 if beds else -2
    if land == GARDEN:
        strip = int((a + 4.0 * (bits % 3)) / 7.0)
        shade = float((strip * 37 + bits) % 41) - 20.0
        return 112.0 + shade, 116.0 + 0.4 * shade, 66.0 + 0.5 * shade, GRASS
    if land == LAWN or land == WOOD:
        if land == LAWN and r < 11.0:
            return 0.0, 0.0, 0.0, -1 if 4.0 < r < 7.0 else -2
        bend = 6.0 * math.sin((a + bits % 60) / 17.0)
        diagonal = abs(abs(a) * hb / ha - abs(b)) < 1.6
        path = diagonal if bits & 8 and land == LAWN else abs(b - bend) < 1.5 or abs(a + bend) < 1.3
        return 0.0, 0.0, 0.0, -2 if path else -1
    cross = abs(a - 0.2 * ((bits >> 3) % 50 - 25)) < 1.4 or abs(b - 0.2 * ((bits >> 9) % 40)) < 1.3
    yard = paved + 0.002 * ((bits >> 14) % 200) > 0.95 and (a > 0.0) == bool(bits & 4)
    if yard and ((a % 12.0) < 3.0 and (b % 12.0) < 3.0):
        return 0.0, 0.0, 0.0, -1  # tree pits
    return 0.0, 0.0, 0.0, -2 if cross or yard else -1


@njit(cache=True)
def paint_ground(
    colour_map: NDArray[np.uint8],
    cell_m: float,
    coarse: Grid,
    step_m: float,
    noise: Grid,
    pitch: tuple[float, float],
    first: tuple[int, int],
    land: NDArray[np.int8],
    variant: NDArray[np.int64],
    width_u: NDArray[np.float64],
    width_v: NDArray[np.float64],
) -> None:
    """Fill ``colour_map [N, N, 4]`` (rgb, cover class) with everything that lies flat."""
    size = colour_map.shape[0]
    mask = NOISE_SIZE - 1
    per_m = max(int(1.0 / cell_m), 1)
    rgb = np.zeros(3)
    for i in range(size):
        y = (i + 0.5) * cell_m / step_m
        for j in range(size):
            x = (j + 0.5) * cell_m / step_m
            u, v = bilinear(coarse[0], y, x), bilinear(coarse[1], y, x)
            bu, bv = math.floor(u / pitch[0]), math.floor(v / pitch[1])
            a, b = u - bu * pitch[0], v - bv * pitch[1]
            m, n = int(bu) - first[0], int(bv) - first[1]
            far_u, far_v = int(a > pitch[0] / 2), int(b > pitch[1] / 2)
            du, dv = abs(a - far_u * pitch[0]), abs(b - far_v * pitch[1])
            wu, wv = width_u[m + far_u] / 2, width_v[n + far_v] / 2
            rough = noise[(i // per_m) & mask, (j // per_m) & mask]
            fine = noise[(7 * i) & mask, (j + 3 * i) & mask]
            mark = 0.0
            kind = -3
            if du < wu or dv < wv:
                if min(du - wu, dv - wv) < 0.0 and (wu < 2.0 and du < wu or wv < 2.0 and dv < wv):
                    kind = -2
                if du < wu and not dv < wv:
                    mark = road_marking(du, v, dv, wu, wv)
                elif dv < wv and not du < wu:
                    mark = road_marking(dv, u, du, wv, wu)
                kind = -3 if (wu >= 2.0 and du < wu) or (wv >= 2.0 and dv < wv) else -2
            elif (wu > 2.0 and du < wu + SIDEWALK) or (wv > 2.0 and dv < wv + SIDEWALK):
                kind = -2
            else:
                half_a = pitch[0] / 2 - max(width_u[m], width_u[m + 1]) / 2 - SIDEWALK
                half_b = pitch[1] / 2 - max(width_v[n], width_v[n + 1]) / 2 - SIDEWALK
                p, q = a - pitch[0] / 2, b - pitch[1] / 2
                paved = bilinear(coarse[11], y, x)
                if (m + n) >= 0:
                    r, g, bl, kind = paint_block(
                        land[m, n], p, q, half_a, half_b, variant[m, n], rough, paved
                    )
                    rgb[0], rgb[1], rgb[2] = r, g, bl
            if kind < 0:
                offset = 2 if kind == -1 else (5 if kind == -2 else 8)
                for k in range(3):
                    rgb[k] = bilinear(coarse[offset + k], y, x)
            grain = 7.0 * rough + 3.0 * fine
            if kind == -1:
                grain = 13.0 * rough + 5.0 * fine
            cover = GRASS if kind == -1 else (PAVED if kind < 0 else kind)
            if cover == WATER:
                grain *= 0.15
            for k in range(3):
                value = rgb[k] + mark * (232.0 - rgb[k]) + grain
                if kind == -1 and k == 0:
                    value += 7.0 * rough  # dry patches
                colour_map[i, j, k] = min(max(value, 0.0), 255.0)
            colour_map[i, j, 3] = cover
