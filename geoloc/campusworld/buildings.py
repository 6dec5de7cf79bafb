"""Buildings: footprints made of parts, roof details and facades, drawn one by one."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from geoloc.campusworld.style import Style, colour

Array = NDArray[np.float64]


class Roof(IntEnum):
    """Shape of the top of a part."""

    FLAT = 0
    GABLE = 1
    HIP = 2
    VAULT = 3
    ROUND = 4  # flat, on a circular footprint
    DOME = 5  # on a circular footprint


class Facade(IntEnum):
    """How windows are laid out on the walls."""

    PUNCHED = 0
    RIBBON = 1
    CURTAIN = 2
    PILASTER = 3


@dataclass(frozen=True)
class Building:
    """One building, in its own frame: p along its axis, q across, origin at the main part.

    Attributes:
        x, y: Origin on the campus map, m.
        angle: Direction of the p axis, rad counter-clockwise from east.
        parts: ``[P, 7]``: p0, p1, q0, q1, wall height, :class:`Roof`, rise of the roof (m).
        details: ``[D, 8]``: p0, p1, q0, q1, height above the roof (m), r, g, b.
        facade: ``[12]``: wall rgb, glass rgb, floor height, window pitch, window width and height
            as shares of their cells, :class:`Facade`, brightness of the ground floor.
        roof: sRGB colour ``[3]``.
        seam_m: Spacing of the seams or tile rows on the roof, m.
    """

    x: float
    y: float
    angle: float
    parts: Array
    details: Array
    facade: Array
    roof: Array
    seam_m: float

    @property
    def height(self) -> float:
        """Greatest wall height in m."""
        return float(self.parts[:, 4].max())


def design_building(
    rng: np.random.Generator,
    site: tuple[float, float, float, float],
    free_m: tuple[float, float],
    style: Array,
) -> Building:
    """Draw a building for a lot.

    Args:
        rng: Source of its individual features.
        site: x, y (m), angle (rad) of the lot, and the least side (m) worth building on.
        free_m: Size of the lot along and across the angle, m.
        style: Style fields at the lot, mapped to (0, 1), ``[len(Style)]``.
    """
    x, y, angle, least = site
    long_m, wide_m = free_m
    if wide_m > long_m:
        long_m, wide_m, angle = wide_m, long_m, angle + np.pi / 2
    long_m, wide_m = max(long_m, least), max(wide_m, least)
    angle += rng.normal(0.0, 0.015) + np.pi * rng.integers(2)
    floor_m = rng.uniform(3.3, 4.2)
    floors = 1.2 + 4.2 * style[Style.HEIGHT] + rng.gamma(2.0, 0.6)
    height = floor_m * np.clip(np.round(floors), 1, 10) + 0.8
    parts = _footprint(rng, long_m, wide_m, height)
    _choose_roofs(rng, parts, style[Style.PITCHED])
    # The origin of the frame is the centre of the main part, so that it lies on a roof.
    p, q = parts[0, 0:2].mean(), parts[0, 2:4].mean()
    box_p, box_q = (
        (parts[:, 0].min() + parts[:, 1].max()) / 2,
        (parts[:, 2].min() + parts[:, 3].max()) / 2,
    )
    parts[:, 0:2] -= p
    parts[:, 2:4] -= q
    x += np.cos(angle) * (p - box_p) - np.sin(angle) * (q - box_q)
    y += np.sin(angle) * (p - box_p) + np.cos(angle) * (q - box_q)
    roof = _vary(rng, colour(Style.ROOF, _near(rng, style[Style.ROOF], 0.07)), 11.0)
    details = _roof_details(rng, parts, roof)
    facade = _facade(rng, style[Style.FACADE], floor_m, floors > 6.5)
    seam = rng.uniform(3.0, 9.0) if parts[0, 5] == Roof.FLAT else rng.uniform(1.1, 2.2)
    return Building(float(x), float(y), float(angle), parts, details, facade, roof, float(seam))


def _near(rng: np.random.Generator, centre: float, deviation: float) -> float:
    return float(np.clip(rng.normal(centre, deviation), 0.0, 1.0))


def _vary(rng: np.random.Generator, rgb: Array, deviation: float) -> Array:
    """Vary a colour mostly in brightness, a little in hue."""
    return np.clip(rgb + rng.normal(0.0, deviation) + rng.normal(0.0, 0.3 * deviation, 3), 20, 240)


def _footprint(rng: np.random.Generator, a: float, b: float, height: float) -> Array:
    """Return the parts ``[P, 7]`` of a random shape within ``a x b`` m."""
    a *= rng.uniform(0.72, 1.0)
    b *= rng.uniform(0.80, 1.0)
    w = min(rng.uniform(11.0, 17.0), 0.9 * b)
    deep = b >= w + 12.0 and a >= 2.0 * w + 12.0
    shapes = ("bar", "hall", "tower", "round", "step", "ell", "tee", "cee", "ring", "aitch", "comb")
    odds = np.array([3.0, 1.2, 0.7, 0.35, 1.2, 3.0, 1.6, 2.0, 1.6, 1.5, 1.0])
    if not deep:
        odds[5:] = 0.0
    shape = rng.choice(shapes, p=odds / odds.sum())
    h, low = height, height * rng.uniform(0.45, 1.0)
    rows = _shape_parts(rng, str(shape), (a, b, w), h, low)
    if rng.random() < 0.35:  # a lower wing or entrance block in front of the main part
        p0 = rows[0][0] + rng.uniform(0.1, 0.6) * (rows[0][1] - rows[0][0])
        q1 = rows[0][3]
        rows.append((p0, p0 + rng.uniform(7, 14), q1 - 2, q1 + rng.uniform(3, 6), 0.45 * h + 1.5))
    parts = np.zeros((len(rows), 7))
    parts[:, :5] = rows
    if shape == "round":
        parts[0, 5] = Roof.DOME if rng.random() < 0.4 else Roof.ROUND
    return parts


Row = tuple[float, float, float, float, float]


def _shape_parts(
    rng: np.random.Generator, shape: str, size: tuple[float, float, float], h: float, low: float
) -> list[Row]:
    """Return rectangles (p0, p1, q0, q1, height); the first is the main part."""
    a, b, w = size
    if shape == "hall":
        return [(0, min(a, 62.0), 0, min(b, 40.0), rng.uniform(7.0, 13.0))]
    if shape == "tower":
        side = rng.uniform(17.0, 25.0)
        tall = rng.uniform(26.0, 46.0)
        podium = (0.0, min(a, side + rng.uniform(6, 26)), 0.0, min(b, side + rng.uniform(4, 14)))
        at_p, at_q = rng.uniform(0, 3), rng.uniform(0, 3)
        return [(at_p, at_p + side, at_q, at_q + side, tall), (*podium, rng.uniform(5.0, 9.0))]
    if shape == "round":
        d = min(b, a, rng.uniform(24.0, 40.0))
        return [(0, d, 0, d, 0.7 * h), (d * 0.3, min(a, d + 16), d * 0.3, d * 0.7, 0.45 * h)]
    if shape == "step":
        cut = rng.uniform(0.35, 0.7) * a
        wide = min(b, 1.35 * w)
        return [(0, cut, 0, wide, h), (cut - 1, a, 0, wide * rng.uniform(0.7, 1.0), low)]
    if shape == "ell":
        return [(0, a, 0, w, h), (0, w, 0, b, low)]
    if shape == "tee":
        mid = rng.uniform(0.35, 0.65) * a
        return [(0, a, 0, w, h), (mid - w / 2, mid + w / 2, 0, b, low)]
    if shape == "cee":
        return [(0, a, 0, w, h), (0, w, 0, b, low), (a - w, a, 0, b * rng.uniform(0.7, 1), low)]
    if shape == "ring":
        return [(0, a, 0, w, h), (0, a, b - w, b, low), (0, w, 0, b, h), (a - w, a, 0, b, low)]
    if shape == "aitch":
        mid = b / 2
        return [(0, a, mid - w / 2, mid + w / 2, h), (0, w, 0, b, low), (a - w, a, 0, b, low)]
    if shape == "comb":
        teeth = [(k * (a - w) / 2, k * (a - w) / 2 + w * 0.8, 0.0, b, low) for k in range(3)]
        return [(0, a, 0, w, h), *teeth]
    return [(0, a, 0, min(b, 1.3 * w), h)]


def _choose_roofs(rng: np.random.Generator, parts: Array, pitched: float) -> None:
    """Set roof kinds and rises in place: one kind per building, wings follow the main part."""
    if parts[0, 5] != Roof.FLAT:
        parts[0, 6] = 0.22 * (parts[0, 1] - parts[0, 0]) if parts[0, 5] == Roof.DOME else 0.0
        return
    narrow = np.minimum(parts[:, 1] - parts[:, 0], parts[:, 3] - parts[:, 2])
    is_hall = len(parts) <= 2 and narrow[0] > 20.0
    if is_hall and rng.random() < 0.5 and parts[0, 4] < 15.0:
        parts[0, 5:7] = Roof.VAULT, 0.14 * narrow[0]
    elif parts[0, 4] < 26.0 and rng.random() < 1.25 * pitched - 0.15:
        kind = Roof.HIP if rng.random() < 0.5 else Roof.GABLE
        parts[:, 5] = kind
        parts[:, 6] = np.minimum(narrow, 18.0) / 2 * rng.uniform(0.45, 0.75)


def _roof_details(rng: np.random.Generator, parts: Array, roof: Array) -> Array:
    """Return boxes and patches ``[D, 8]`` on the flat parts: machines, skylights, panels."""
    rows: list[tuple[float, ...]] = []
    for p0, p1, q0, q1, _, kind, _ in parts:
        if kind not in (Roof.FLAT, Roof.VAULT) or p1 - p0 < 9 or q1 - q0 < 9:
            continue
        box = (p0 + 2, p1 - 2, q0 + 2, q1 - 2)
        if kind == Roof.VAULT:
            rows += _strips(rng, box, 2.2, 9.0, (206, 216, 222), 0.05)
            continue
        if rng.random() < 0.5:  # a field of another material
            shade = np.clip(roof + rng.choice([-34, -20, 22, 34]), 30, 235)
            rows.append((*_inner(rng, box, 0.35, 0.9), 0.03, *shade))
        theme = rng.random()
        if theme < 0.24:
            rows += _strips(rng, _inner(rng, box, 0.5, 0.9), 1.8, 3.4, (38, 50, 86), 0.5)
        elif theme < 0.36:
            rows += _strips(rng, _inner(rng, box, 0.4, 0.8), 2.0, 6.5, (180, 204, 216), 0.4)
        elif theme < 0.46:
            rows.append((*_inner(rng, box, 0.5, 0.95), 0.3, 84, 118, 58))  # planted roof
        rows += _machines(rng, box, roof)
    return np.array(rows, dtype=np.float64).reshape(-1, 8)


Box = tuple[float, float, float, float]


def _inner(rng: np.random.Generator, box: Box, least: float, most: float) -> Box:
    """Return a random sub-box with sides of ``least .. most`` of the box."""
    p0, p1, q0, q1 = box
    a, b = (p1 - p0) * rng.uniform(least, most), (q1 - q0) * rng.uniform(least, most)
    p, q = p0 + rng.uniform(0, p1 - p0 - a), q0 + rng.uniform(0, q1 - q0 - b)
    return (p, p + a, q, q + b)


def _strips(
    rng: np.random.Generator,
    box: Box,
    wide: float,
    pitch: float,
    rgb: tuple[int, int, int],
    high: float,
) -> list[tuple[float, ...]]:
    """Return parallel strips that fill a box."""
    p0, p1, q0, q1 = box
    if rng.random() < 0.5:
        starts = np.arange(p0, p1 - wide, pitch)
        return [(s, s + wide, q0, q1, high, *rgb) for s in starts]
    starts = np.arange(q0, q1 - wide, pitch)
    return [(p0, p1, s, s + wide, high, *rgb) for s in starts]


def _machines(rng: np.random.Generator, box: Box, roof: Array) -> list[tuple[float, ...]]:
    """Return stair heads and air-conditioning units, some of them in a row."""
    p0, p1, q0, q1 = box
    rows: list[tuple[float, ...]] = []
    for _ in range(rng.integers(1, 3)):
        a, b = rng.uniform(3.5, 7.0), rng.uniform(3.0, 5.5)
        p = rng.uniform(p0, max(p0 + 0.1, p1 - a))
        q = rng.uniform(q0, max(q0 + 0.1, q1 - b))
        rows.append((p, p + a, q, q + b, rng.uniform(2.4, 3.8), *np.clip(roof + 14, 0, 235)))
    count = rng.integers(0, 9)
    size, gap = rng.uniform(1.3, 2.6), rng.uniform(3.2, 5.0)
    p, q = rng.uniform(p0, (p0 + p1) / 2), rng.uniform(q0, max(q0 + 0.1, q1 - size))
    grey = rng.uniform(150, 225)
    for k in range(count):
        if p + k * gap + size < p1:
            start = p + k * gap
            rows.append((start, start + size, q, q + size, rng.uniform(1, 1.8), grey, grey, grey))
    return rows


def _facade(rng: np.random.Generator, tone: float, floor_m: float, tall: bool) -> Array:
    """Return the facade row ``[12]`` of :class:`Building`."""
    wall = _vary(rng, colour(Style.FACADE, _near(rng, tone, 0.08)), 9.0)
    kind = rng.choice(len(Facade), p=[0.3, 0.25, 0.3, 0.15] if tall else [0.55, 0.2, 0.08, 0.17])
    glass = np.array([58.0, 72.0, 88.0]) + rng.normal(0, 8, 3)
    width = {Facade.CURTAIN: 0.9, Facade.RIBBON: 1.0, Facade.PILASTER: 0.6}.get(
        Facade(int(kind)), rng.uniform(0.35, 0.6)
    )
    high = {Facade.CURTAIN: 0.82, Facade.PILASTER: 0.75}.get(
        Facade(int(kind)), rng.uniform(0.4, 0.58)
    )
    pitch = rng.uniform(2.4, 4.6)
    return np.array([*wall, *glass, floor_m, pitch, width, high, kind, rng.uniform(0.72, 1.05)])
