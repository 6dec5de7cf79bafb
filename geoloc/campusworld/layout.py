"""The plan of a campus in metres: streets, buildings, and which buildings are places."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from geoloc.campusworld.buildings import Building, design_building
from geoloc.campusworld.fields import SmoothFields
from geoloc.campusworld.spec import CampusPlan, WorldSpec, plan_campuses, random_stream
from geoloc.campusworld.streets import SIDEWALK_M, Land, StreetGrid, make_streets
from geoloc.campusworld.style import Style, campus_styles, style_fields, unit

Array = NDArray[np.float64]

RADIUS_OF_FULL_CAMPUS_M = 440.0
FULL_CAMPUS = 75
FEWEST_CANDIDATES = 24  # a small campus spreads its places over the ground of this many
MARGIN_M = 260.0  # of town around the campus, so that no tile or near view leaves the map
PLACE_SHARE = 0.78  # of the buildings on campus; the others are only scenery
LEAST_SPACING_M = 18.0


@dataclass(frozen=True)
class Layout:
    """The vector plan of a campus; map coordinates run from 0 to ``size_m`` east and north.

    Attributes:
        size_m: Side of the square map, m, a multiple of 32.
        style: Style fields over the map.
        streets: The street grid.
        buildings: All buildings.
        place_of: Index into ``buildings`` of each place, ``[P]``.
    """

    size_m: float
    style: SmoothFields
    streets: StreetGrid
    buildings: list[Building]
    place_of: NDArray[np.intp]

    @property
    def places(self) -> Array:
        """Places in m from the centre of the map, east and north, ``[P, 2]``."""
        spots = [(self.buildings[i].x, self.buildings[i].y) for i in self.place_of]
        return np.array(spots).reshape(-1, 2) - self.size_m / 2


@lru_cache(maxsize=32)  # the index files and the maps need the same plan
def make_layout(spec: WorldSpec, plan: CampusPlan) -> Layout:
    """Draw the plan of a campus; a pure function of the seed, the campus number and its places."""
    rng = random_stream(spec.seed, plan.index)
    size_m = float(np.ceil((2.2 * campus_radius_m(plan.places) + 2 * MARGIN_M) / 32.0) * 32.0)
    style = style_fields(rng, size_m, spec.campus_style, _common_style(spec, plan))
    streets = make_streets(rng, size_m)
    lots = _lots(rng, streets, style, size_m)
    looks = unit(style.at(lots[:, 0], lots[:, 1]))
    buildings = [
        design_building(rng, (lot[0], lot[1], lot[2], 12.0), (lot[3], lot[4]), looks[:, i])
        for i, lot in enumerate(lots)
    ]
    return Layout(size_m, style, streets, buildings, _choose(rng, buildings, size_m, plan.places))


def campus_radius_m(places: int) -> float:
    """Return how far from its centre a campus of so many places reaches, in m."""
    candidates = max(places, FEWEST_CANDIDATES)
    return float(RADIUS_OF_FULL_CAMPUS_M * np.sqrt(candidates / FULL_CAMPUS))


def _common_style(spec: WorldSpec, plan: CampusPlan) -> Array:
    """Return what the campus has in common; the campuses of each split differ evenly."""
    split = [other.index for other in plan_campuses(spec) if other.split == plan.split]
    rng = random_stream(spec.seed, campus=-1, place=0, view=split[0])
    return np.asarray(campus_styles(rng, len(split))[split.index(plan.index)])


def _lots(
    rng: np.random.Generator, streets: StreetGrid, style: SmoothFields, size_m: float
) -> Array:
    """Cut the built blocks into lots ``[L, 5]``: x, y, angle (rad), free length and width (m)."""
    rows = []
    i, j = np.nonzero(streets.land == Land.BUILT)
    corner_u = np.asarray((streets.first[0] + i) * streets.pitch[0], dtype=np.float64)
    corner_v = np.asarray((streets.first[1] + j) * streets.pitch[1], dtype=np.float64)
    x, y = streets.to_xy(corner_u + streets.pitch[0] / 2, corner_v + streets.pitch[1] / 2)
    inside = (np.abs(x - size_m / 2) < size_m / 2) & (np.abs(y - size_m / 2) < size_m / 2)
    grain = unit(style.at(x, y)[Style.GRAIN])
    for k in np.nonzero(inside)[0]:
        du = (streets.width_u[i[k]], streets.width_u[i[k] + 1])
        dv = (streets.width_v[j[k]], streets.width_v[j[k] + 1])
        margin = SIDEWALK_M + 3.0
        u0 = corner_u[k] + du[0] / 2 + margin
        u1 = corner_u[k] + streets.pitch[0] - du[1] / 2 - margin
        v0 = corner_v[k] + dv[0] / 2 + margin
        v1 = corner_v[k] + streets.pitch[1] - dv[1] / 2 - margin
        rows += _split(rng, (u0, u1, v0, v1), float(grain[k]))
    return _place_lots(streets, np.array(rows), size_m)


Rectangle = tuple[float, float, float, float]


def _split(rng: np.random.Generator, block: Rectangle, grain: float) -> list[Rectangle]:
    """Cut a block into one to four lots (u0, u1, v0, v1); fewer where the grain is coarse."""
    u0, u1, v0, v1 = block
    fineness = 1.0 - grain + rng.normal(0.0, 0.18)
    gap = rng.uniform(4.0, 8.0)
    if fineness < 0.22:
        return [block]
    u, v = u0 + rng.uniform(0.42, 0.58) * (u1 - u0), v0 + rng.uniform(0.42, 0.58) * (v1 - v0)
    if fineness < 0.80:
        if rng.random() < 0.5:
            return [(u0, u - gap, v0, v1), (u + gap, u1, v0, v1)]
        return [(u0, u1, v0, v - gap), (u0, u1, v + gap, v1)]
    half = gap / 2 + 1.0
    left = [(u0, u - half, v0, v - half), (u0, u - half, v + half, v1)]
    if fineness < 0.95:
        return [*left, (u + half, u1, v0, v1)]
    return [*left, (u + half, u1, v0, v - half), (u + half, u1, v + half, v1)]


def _place_lots(streets: StreetGrid, lots: Array, size_m: float) -> Array:
    """Turn lots (u0, u1, v0, v1) into map rows; drop those at the border of the map."""
    u, v = (lots[:, 0] + lots[:, 1]) / 2, (lots[:, 2] + lots[:, 3]) / 2
    x, y = streets.to_xy(u, v)
    east = np.stack(streets.to_xy(u + 4.0, v)) - np.stack(streets.to_xy(u - 4.0, v))
    north = np.stack(streets.to_xy(u, v + 4.0)) - np.stack(streets.to_xy(u, v - 4.0))
    angle = np.arctan2(east[1], east[0])
    # Across the p axis only the perpendicular share of the other axis is free.
    along = np.hypot(*east) / 8.0
    across = np.abs(east[0] * north[1] - east[1] * north[0]) / (8.0 * np.hypot(*east))
    rows = np.stack(
        [x, y, angle, (lots[:, 1] - lots[:, 0]) * along, (lots[:, 3] - lots[:, 2]) * across], axis=1
    )
    border = 45.0
    kept = (x > border) & (x < size_m - border) & (y > border) & (y < size_m - border)
    return np.asarray(rows[kept & (rows[:, 3] > 14.0) & (rows[:, 4] > 14.0)])


def _choose(
    rng: np.random.Generator, buildings: list[Building], size_m: float, places: int
) -> NDArray[np.intp]:
    """Choose the places: a random share of the buildings, from the centre outwards."""
    spot = np.array([(b.x, b.y) for b in buildings]) - size_m / 2
    stretch, turn = rng.uniform(1.0, 1.3), rng.uniform(0.0, np.pi)
    c, s = np.cos(turn), np.sin(turn)
    distance = np.hypot(
        (c * spot[:, 0] + s * spot[:, 1]) / stretch, (c * spot[:, 1] - s * spot[:, 0]) * stretch
    )
    on_campus = rng.random(len(buildings)) < PLACE_SHARE
    chosen: list[int] = []
    for i in np.argsort(distance, kind="stable"):
        gaps = np.hypot(*(spot[chosen] - spot[i]).T) if chosen else np.array([np.inf])
        if on_campus[i] and gaps.min() >= LEAST_SPACING_M:
            chosen.append(int(i))
        if len(chosen) == max(places, FEWEST_CANDIDATES):
            break
    picked = rng.permutation(len(chosen))[:places]
    return np.array(chosen, dtype=np.intp)[picked]
