"""Painting the open ground: streets with markings, and the use of each block."""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from geoloc.campusworld.streets import SIDEWALK_M, Land, StreetGrid
from geoloc.campusworld.style import Style, colour, unit
from geoloc.kernel import kernel

Grid = NDArray[np.float32]

PAVED, GRASS, WATER, ROOF, BOX, TREE = 0, 1, 2, 3, 4, 5
"""Cover classes, kept in the fourth channel of the colour map."""

LOCAL_GRASS, LOCAL_PAVING, LOCAL_ROAD, OPEN = -1, -2, -3, -4
"""Surfaces whose colour drifts over the campus, and ground that no street covers."""

SIDEWALK = SIDEWALK_M
FOOTPATH = 2.0  # half widths up to this, in m, are paths without a sidewalk
NOISE_SIZE = 1024
LAWN, PLAZA, PARKING, TRACK, COURTS, POND, WOOD, GARDEN = (int(use) for use in Land if use)

Paint = tuple[float, float, float, int]


class StreetPlan(NamedTuple):
    """The part of :class:`StreetGrid` that kernels need."""

    pitch_u: float
    pitch_v: float
    first_u: int
    first_v: int
    land: NDArray[np.int8]
    variant: NDArray[np.int64]
    width_u: NDArray[np.float64]
    width_v: NDArray[np.float64]


def street_plan(streets: StreetGrid) -> StreetPlan:
    """Return the street grid in the form the kernels take."""
    return StreetPlan(
        *streets.pitch, *streets.first, streets.land, streets.variant, streets.width_u,
        streets.width_v,
    )  # fmt: skip


def coarse_grids(streets: StreetGrid, style: Grid, step_m: float) -> Grid:
    """Return what the painter interpolates, float32 ``[14, N, N]`` on a grid of ``step_m``.

    Channels: u, v, grass rgb, paving rgb, road rgb, share of paved ground, tone of the ground,
    density of the vegetation.

    Args:
        streets: The street grid.
        style: Style fields on the same grid, ``[len(Style), N, N]``.
        step_m: Spacing of the grid in m.
    """
    coordinates = np.arange(style.shape[1], dtype=np.float64) * step_m
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
        layer = small.repeat(repeat, axis=0).repeat(repeat, axis=1)
        # Two box filters turn the blocks into smooth bumps.
        for axis in (0, 1, 0, 1):
            layer = uniform_filter1d(layer, repeat, axis=axis, mode="wrap")
        total += (weight * layer / layer.std()).astype(np.float32)
    return np.clip(total, -2.5, 2.5) / np.float32(1.6)


@kernel
def bilinear(grid: Grid, y: float, x: float) -> float:
    """Interpolate ``grid [N, N]`` at a position in units of its spacing."""
    j, i = int(x), int(y)
    s, t = x - j, y - i
    low = grid[i, j] * (1.0 - s) + grid[i, j + 1] * s
    high = grid[i + 1, j] * (1.0 - s) + grid[i + 1, j + 1] * s
    return float(low * (1.0 - t) + high * t)


@kernel
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


@kernel
def paint_track(a: float, b: float, ha: float, hb: float) -> Paint:
    """Return the paint of a running track around a pitch."""
    straight = max(abs(a) - (ha - hb), 0.0)
    d = math.hypot(straight, b) - (hb - 5.0)  # distance to the outline of a stadium
    if d > 0.0:
        return 0.0, 0.0, 0.0, LOCAL_GRASS
    if d > -9.0:
        return (196.0, 140.0, 124.0, PAVED) if (d % 2.2) < 0.5 else (164.0, 82.0, 66.0, PAVED)
    fa, fb = ha - 30.0, hb - 18.0
    line = max(abs(a) - fa, abs(b) - fb)
    centre = abs(a) < 0.4 and abs(b) < fb
    if abs(line) < 0.4 or centre or abs(math.hypot(a, b) - 7.0) < 0.4:
        return 215.0, 222.0, 210.0, PAVED
    light = 9.0 if int(abs(a) / 6.0) % 2 == 0 else -4.0
    return 66.0 + light, 122.0 + light, 54.0 + light, PAVED


@kernel
def paint_courts(a: float, b: float, ha: float, hb: float, bits: int) -> Paint:
    """Return the paint of a block full of ball courts."""
    long_m, wide_m = (ha - 3.0) / 2.0, (hb - 3.0) / 3.0
    p, q = abs(a % (2.0 * long_m) - long_m), abs(b % (2.0 * wide_m) - wide_m)
    if p > long_m - 1.5 or q > wide_m - 1.5 or abs(a) > ha - 3.0 or abs(b) > hb - 3.0:
        return 0.0, 0.0, 0.0, LOCAL_GRASS
    line = max(p - long_m, q - wide_m) + 4.0
    centre = p < 0.3 and line < 0.0
    if abs(line) < 0.3 or centre or abs(math.hypot(p, q) - 2.5) < 0.3:
        return 225.0, 225.0, 220.0, PAVED
    kind = (bits >> 5) % 3
    if kind == 0:
        return (52.0, 96.0, 150.0, PAVED) if line < 0.0 else (70.0, 124.0, 92.0, PAVED)
    if kind == 1:
        return (170.0, 88.0, 66.0, PAVED) if line < 0.0 else (66.0, 112.0, 84.0, PAVED)
    return (74.0, 126.0, 88.0, PAVED) if line < 0.0 else (164.0, 92.0, 72.0, PAVED)


@kernel
def paint_block(
    land: int, a: float, b: float, ha: float, hb: float, bits: int, rough: float, paved: float
) -> Paint:
    """Return the paint inside a block.

    Args:
        land: Use of the block.
        a: Position from the centre of the block along u, m.
        b: The same along v.
        ha: Half side of the ground between the sidewalks along u, m.
        hb: The same along v.
        bits: Random bits of the block.
        rough: Noise of about unit size.
        paved: Share of paved ground hereabouts.

    Returns:
        rgb and cover class; a negative class asks for a local surface instead of the rgb.
    """
    if land == TRACK:
        return paint_track(a, b, ha, hb)
    if land == COURTS:
        return paint_courts(a, b, ha, hb, bits)
    if land == POND:
        wave = 0.16 * math.sin(3.0 * math.atan2(b, a) + bits % 7) + 0.05 * rough
        d = math.hypot(a / (ha - 14.0), b / (hb - 12.0)) + wave
        if d < 0.8:
            return 46.0, 78.0 + 14.0 * d, 84.0 + 8.0 * d, WATER
        return 0.0, 0.0, 0.0, LOCAL_PAVING if 0.9 < d < 0.97 else LOCAL_GRASS
    if land == PARKING:
        row = (b + hb) % 17.0
        if abs(a) > ha - 4.0 or abs(b) > hb - 4.0:
            return 0.0, 0.0, 0.0, LOCAL_GRASS
        if row < 10.6 and (((a + ha) % 2.8) < 0.3 or abs(row - 5.3) < 0.25):
            return 205.0, 205.0, 200.0, PAVED
        return 0.0, 0.0, 0.0, LOCAL_ROAD
    if land == GARDEN:
        strip = int((a + 4.0 * (bits % 3)) / 7.0)
        shade = float((strip * 37 + bits) % 41) - 20.0
        return 112.0 + shade, 116.0 + 0.4 * shade, 66.0 + 0.5 * shade, GRASS
    if land == PLAZA:
        return paint_plaza(a, b)
    return 0.0, 0.0, 0.0, LOCAL_PAVING if on_path(land, a, b, ha, hb, bits, paved) else LOCAL_GRASS


@kernel
def paint_plaza(a: float, b: float) -> Paint:
    """Return the paint of a square with a fountain and four beds."""
    r = math.hypot(a, b)
    if r < 9.0:
        return (84.0, 132.0, 140.0, WATER) if r < 7.5 else (200.0, 196.0, 188.0, PAVED)
    if (a % 9.0) < 0.5 or (b % 9.0) < 0.5 or abs(r - 20.0) < 0.8:
        return 210.0, 204.0, 194.0, PAVED
    bed = abs(abs(a) - 28.0) < 8.0 and abs(abs(b) - 22.0) < 7.0
    return 0.0, 0.0, 0.0, LOCAL_GRASS if bed else LOCAL_PAVING


@kernel
def on_path(land: int, a: float, b: float, ha: float, hb: float, bits: int, paved: float) -> bool:
    """Return whether a green or built block is paved here; see :func:`paint_block`."""
    if land in (LAWN, WOOD):
        r = math.hypot(a, b)
        if land == LAWN and r < 11.0:
            return r < 4.0 or r > 7.0
        if land == LAWN and bits & 8:
            return abs(abs(a) * hb / ha - abs(b)) < 1.6
        bend = 6.0 * math.sin((a + bits % 60) / 17.0)
        return abs(b - bend) < 1.5 or abs(a + bend) < 1.3
    yard = paved + 0.002 * ((bits >> 14) % 200) > 0.95 and (a > 0.0) == bool(bits & 4)
    if yard:
        return (a % 12.0) > 3.0 or (b % 12.0) > 3.0  # all but the tree pits
    return abs(a - 0.2 * ((bits >> 3) % 50 - 25)) < 1.4 or abs(b - 0.2 * ((bits >> 9) % 40)) < 1.3


@kernel
def paint_street(
    du: float, dv: float, wu: float, wv: float, u: float, v: float
) -> tuple[int, float]:
    """Return the surface of a street and how much paint lightens it.

    Args:
        du: Distance to the centre line of the nearest street at a multiple of u, m.
        dv: The same for v.
        wu: Half width of the street at u, m.
        wv: The same at v.
        u: Street coordinate, m.
        v: The other street coordinate.

    Returns:
        :data:`LOCAL_ROAD`, :data:`LOCAL_PAVING` or :data:`OPEN` where there is no street.
    """
    on_u, on_v = du < wu, dv < wv
    if (on_u and wu > FOOTPATH) or (on_v and wv > FOOTPATH):
        mark = 0.0
        if not on_v:
            mark = road_marking(du, v, dv, wu, wv)
        elif not on_u:
            mark = road_marking(dv, u, du, wv, wu)
        return LOCAL_ROAD, mark
    beside_u = wu > FOOTPATH and du < wu + SIDEWALK
    beside_v = wv > FOOTPATH and dv < wv + SIDEWALK
    return (LOCAL_PAVING if on_u or on_v or beside_u or beside_v else OPEN), 0.0


@kernel
def paint_cell(
    u: float, v: float, plan: StreetPlan, rough: float, paved: float
) -> tuple[float, float, float, int, float]:
    """Return rgb, cover class or local surface, and share of road paint at a point."""
    bu, bv = math.floor(u / plan.pitch_u), math.floor(v / plan.pitch_v)
    a, b = u - bu * plan.pitch_u, v - bv * plan.pitch_v
    m, n = int(bu) - plan.first_u, int(bv) - plan.first_v
    far_u, far_v = int(a > plan.pitch_u / 2), int(b > plan.pitch_v / 2)
    du, dv = abs(a - far_u * plan.pitch_u), abs(b - far_v * plan.pitch_v)
    wu, wv = plan.width_u[m + far_u] / 2, plan.width_v[n + far_v] / 2
    surface, mark = paint_street(du, dv, wu, wv, u, v)
    if surface != OPEN:
        return 0.0, 0.0, 0.0, surface, mark
    half_a = plan.pitch_u / 2 - max(plan.width_u[m], plan.width_u[m + 1]) / 2 - SIDEWALK
    half_b = plan.pitch_v / 2 - max(plan.width_v[n], plan.width_v[n + 1]) / 2 - SIDEWALK
    p, q = a - plan.pitch_u / 2, b - plan.pitch_v / 2
    r, g, bl, kind = paint_block(
        plan.land[m, n], p, q, half_a, half_b, plan.variant[m, n], rough, paved
    )
    return r, g, bl, kind, 0.0


@kernel
def paint_ground(
    colour_map: NDArray[np.uint8],
    cell_m: float,
    coarse: Grid,
    step_m: float,
    noise: Grid,
    plan: StreetPlan,
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
            rough = noise[(i // per_m) & mask, (j // per_m) & mask]
            fine = noise[(7 * i) & mask, (j + 3 * i) & mask]
            rgb[0], rgb[1], rgb[2], kind, mark = paint_cell(
                u, v, plan, rough, bilinear(coarse[11], y, x)
            )
            if kind < 0:
                channel = 2 if kind == LOCAL_GRASS else (5 if kind == LOCAL_PAVING else 8)
                for k in range(3):
                    rgb[k] = bilinear(coarse[channel + k], y, x)
            grain = 7.0 * rough + 3.0 * fine
            cover = kind if kind >= 0 else PAVED
            if kind == LOCAL_GRASS:
                cover = GRASS
                grain = 13.0 * rough + 5.0 * fine
                rgb[0] += 7.0 * rough  # dry patches
            elif kind == WATER:
                grain *= 0.15
            for k in range(3):
                value = rgb[k] + mark * (232.0 - rgb[k]) + grain
                colour_map[i, j, k] = min(max(value, 0.0), 255.0)
            colour_map[i, j, 3] = cover
