"""Where trees and cars stand: candidates on a jittered grid, thinned by what lies there."""

import numpy as np
from numpy.typing import NDArray

from geoloc.campusworld.ground import GRASS, PAVED
from geoloc.campusworld.layout import Layout
from geoloc.campusworld.streets import Land
from geoloc.campusworld.style import Style, colour, unit

Array = NDArray[np.float64]

TREE_SPACING_M = 6.0
TREE_SHARES = {
    Land.BUILT: 0.55, Land.LAWN: 0.30, Land.PLAZA: 0.9, Land.PARKING: 0.8, Land.TRACK: 0.25,
    Land.COURTS: 0.5, Land.POND: 0.5, Land.WOOD: 1.6, Land.GARDEN: 0.08,
}  # fmt: skip
"""Likelihood of a tree on open grass at mean vegetation density."""

CAR_COLOURS = np.array(
    [(232, 232, 230), (196, 198, 200), (60, 62, 66), (34, 36, 40), (120, 124, 130), (150, 40, 36),
     (44, 70, 122), (206, 202, 190)], dtype=np.float64,
)  # fmt: skip


def _blocks(layout: Layout, x: Array, y: Array) -> tuple[Array, Array, NDArray[np.int8]]:
    """Return the position inside its block, in m, and the land use, of points ``[P]``."""
    streets = layout.streets
    u, v = streets.to_uv(x, y)
    i, j = np.floor(u / streets.pitch[0]), np.floor(v / streets.pitch[1])
    m = i.astype(np.intp) - streets.first[0]
    n = j.astype(np.intp) - streets.first[1]
    return u - i * streets.pitch[0], v - j * streets.pitch[1], streets.land[m, n]


def grow_trees(
    rng: np.random.Generator, layout: Layout, cover: NDArray[np.uint8], cell_m: float
) -> Array:
    """Return the trees ``[T, 8]`` that :func:`geoloc.campusworld.stamping.stamp_trees` takes.

    Args:
        rng: Source of positions and kinds.
        layout: The plan of the campus.
        cover: Cover class of each map cell after streets and buildings, ``[N, N]``.
        cell_m: Side of a map cell in m.
    """
    steps = np.arange(TREE_SPACING_M, layout.size_m - TREE_SPACING_M, TREE_SPACING_M)
    x, y = (axis.ravel() for axis in np.meshgrid(steps, steps))
    x = x + rng.uniform(-0.45, 0.45, len(x)) * TREE_SPACING_M
    y = y + rng.uniform(-0.45, 0.45, len(y)) * TREE_SPACING_M
    on = cover[(y / cell_m).astype(np.intp), (x / cell_m).astype(np.intp)]
    look = unit(layout.style.at(x, y))
    a, b, land = _blocks(layout, x, y)
    share = np.array([TREE_SHARES[Land(use)] for use in range(len(Land))])[land]
    likely = share * (0.12 + 1.5 * look[Style.DENSITY] ** 2) * (on == GRASS)
    # Street trees stand on the pavement, in rows where the vegetation is dense.
    edge = np.minimum(
        np.minimum(a, layout.streets.pitch[0] - a), np.minimum(b, layout.streets.pitch[1] - b)
    )
    row = (on == PAVED) & (edge > 5.5) & (edge < 11.0) & (land != Land.TRACK)
    likely += 0.5 * look[Style.DENSITY] * row
    kept = rng.random(len(x)) < likely
    return _describe(rng, x[kept], y[kept], look[:, kept], land[kept] == Land.WOOD)


def _describe(
    rng: np.random.Generator, x: Array, y: Array, look: Array, wood: NDArray[np.bool_]
) -> Array:
    count = len(x)
    size = 0.65 + 0.8 * look[Style.TREE_SIZE] + 0.25 * wood
    conifer = rng.random(count) < np.clip(1.1 - 3.0 * look[Style.FOLIAGE], 0.03, 0.85)
    radius = np.clip(rng.normal(3.3, 0.7, count), 1.8, 5.5) * size * np.where(conifer, 0.75, 1.0)
    tall = radius * rng.uniform(1.7, 2.4, count) * np.where(conifer, 1.6, 1.0)
    tone = np.clip(look[Style.FOLIAGE] + rng.normal(0.0, 0.09, count) - 0.15 * conifer, 0.0, 1.0)
    rgb = colour(Style.FOLIAGE, tone) + rng.normal(0.0, 7.0, (count, 1))
    return np.column_stack([x, y, radius, np.clip(tall, 3.0, 20.0), conifer, np.clip(rgb, 12, 230)])


def park_cars(rng: np.random.Generator, layout: Layout) -> Array:
    """Return cars ``[C, 6]`` (x, y, angle, r, g, b): in parking lots, and along the streets."""
    streets = layout.streets
    rows = []
    for i, j in np.argwhere(streets.land == Land.PARKING):
        u0 = (streets.first[0] + i) * streets.pitch[0]
        v0 = (streets.first[1] + j) * streets.pitch[1]
        half_u = streets.pitch[0] / 2 - max(streets.width_u[i : i + 2]) / 2 - 2.5
        half_v = streets.pitch[1] / 2 - max(streets.width_v[j : j + 2]) / 2 - 2.5
        stalls = np.arange(1.4 + 2.8 * 2, 2 * half_u - 5.0, 2.8) + 0.15
        lanes = np.arange(0.0, 2 * half_v - 6.0, 17.0)
        for lane in lanes:
            for offset in (2.65, 7.95):
                taken = stalls[rng.random(len(stalls)) < rng.uniform(0.4, 0.9)]
                u = u0 + streets.pitch[0] / 2 - half_u + taken
                v = v0 + streets.pitch[1] / 2 - half_v + np.full(len(taken), lane + offset)
                rows.append(np.column_stack([u, v, np.full(len(taken), np.pi / 2)]))
    rows.append(_kerb_cars(rng, layout))
    spots = np.concatenate(rows)
    x, y = streets.to_xy(spots[:, 0], spots[:, 1])
    ahead_x, ahead_y = streets.to_xy(spots[:, 0] + 2.0, spots[:, 1])
    angle = np.arctan2(ahead_y - y, ahead_x - x) + spots[:, 2]
    paint = CAR_COLOURS[rng.choice(len(CAR_COLOURS), len(x))] + rng.normal(0, 6, (len(x), 1))
    cars = np.column_stack([x, y, angle, np.clip(paint, 20, 240)])
    inside = (x > 0) & (x < layout.size_m) & (y > 0) & (y < layout.size_m)
    return np.asarray(cars[inside])


def _kerb_cars(rng: np.random.Generator, layout: Layout) -> Array:
    """Return (u, v, turn) of cars on the streets, sparse."""
    streets = layout.streets
    size_m = layout.size_m
    rows = []
    for turn, widths, lines, pitch in (
        (np.pi / 2, streets.width_u, streets.first[0], streets.pitch[0]),
        (0.0, streets.width_v, streets.first[1], streets.pitch[1]),
    ):
        for number, width in enumerate(widths):
            if width < 6.0:
                continue
            count = rng.poisson(size_m / 18.0)
            along = rng.uniform(-1.1 * size_m, 1.6 * size_m, count)
            side = np.where(rng.random(count) < 0.5, -1.0, 1.0) * (width / 2 - 1.6)
            line = (lines + number) * pitch + side
            pair = (line, along) if turn else (along, line)
            rows.append(np.column_stack([*pair, np.full(count, turn)]))
    spots = np.concatenate(rows)
    c, s = np.cos(streets.angle), np.sin(streets.angle)
    x, y = c * spots[:, 0] - s * spots[:, 1], s * spots[:, 0] + c * spots[:, 1]
    near = (np.abs(x - size_m / 2) < 0.65 * size_m) & (np.abs(y - size_m / 2) < 0.65 * size_m)
    return np.asarray(spots[near])  # most lines only cross the map's surroundings
