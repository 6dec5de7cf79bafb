"""A campus ready to be photographed: its plan, turned into maps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoloc.campusworld.ground import coarse_grids, ground_noise, paint_ground
from geoloc.campusworld.layout import Layout, make_layout
from geoloc.campusworld.light import SHADOW_CELL_M, Light, cast_shadows, draw_light, sky_share
from geoloc.campusworld.raymarch import build_beam_map, build_pyramid
from geoloc.campusworld.spec import CampusPlan, WorldSpec, random_stream
from geoloc.campusworld.stamping import stamp_building, stamp_cars, stamp_trees
from geoloc.campusworld.style import Style, colour, unit
from geoloc.campusworld.vegetation import grow_trees, park_cars

Array = NDArray[np.float64]
Grid = NDArray[np.float32]

COARSE_M = 4.0
FLIGHTS = 3
MAPS = -2  # place number of the random stream that fills the maps


@dataclass(frozen=True)
class Campus:
    """Maps of a campus; rows run north, columns run east.

    Attributes:
        layout: The plan.
        cell_m: Side of a map cell, m.
        heights: Height above the ground, m, float32 ``[N, N]``.
        colours: sRGB and cover class, uint8 ``[N, N, 4]``.
        owners: Number of the building (from 1) or 0, uint16 ``[N, N]``.
        beam_map: See :func:`geoloc.campusworld.raymarch.build_beam_map`.
        pyramid: Maxima of ``heights``, see :func:`geoloc.campusworld.raymarch.build_pyramid`.
        sky: Share of the sky seen from the ground, float32 ``[M, M]``, cells of 1 m.
        frames: x, y, cosine, sine of each building, ``[B, 4]``.
        facades: Facade row of each building, ``[B, 12]``.
        lights: Light of the satellite, then of each flight.
        ceilings: Height of the shade under each light, float32 ``[M, M]``.
    """

    layout: Layout
    cell_m: float
    heights: Grid
    colours: NDArray[np.uint8]
    owners: NDArray[np.uint16]
    pyramid: Grid
    beam_map: Grid
    sky: Grid
    frames: Array
    facades: Array
    lights: list[Light]
    ceilings: list[Grid]

    @property
    def top(self) -> float:
        """Greatest height in m."""
        return float(self.heights.max())


def make_campus(spec: WorldSpec, plan: CampusPlan) -> Campus:
    """Build the maps of a campus; a pure function of the spec and the campus number."""
    layout = make_layout(spec, plan)
    rng = random_stream(spec.seed, plan.index, view=0)
    heights, colours, owners = _fill_maps(rng, layout, spec.cell_m)
    block = round(SHADOW_CELL_M / spec.cell_m)
    coarse = heights if block == 1 else _block_mean(heights, block)
    lights = [draw_light(rng, overhead=number == 0) for number in range(1 + FLIGHTS)]
    pyramid = build_pyramid(heights)
    size = len(heights)
    return Campus(
        layout=layout,
        cell_m=spec.cell_m,
        heights=pyramid[: size * size].reshape(size, size),  # one copy stays in the CPU's cache
        colours=colours,
        owners=owners,
        pyramid=pyramid,
        beam_map=build_beam_map(pyramid, size, spec.cell_m),
        sky=sky_share(coarse),
        frames=np.array([(b.x, b.y, np.cos(b.angle), np.sin(b.angle)) for b in layout.buildings]),
        facades=np.array([b.facade for b in layout.buildings]),
        lights=lights,
        ceilings=[cast_shadows(coarse, light.sun_direction) for light in lights],
    )


def _block_mean(grid: Grid, block: int) -> Grid:
    side = len(grid) // block
    return np.asarray(grid.reshape(side, block, side, block).mean(axis=(1, 3)), dtype=np.float32)


def _fill_maps(
    rng: np.random.Generator, layout: Layout, cell_m: float
) -> tuple[Grid, NDArray[np.uint8], NDArray[np.uint16]]:
    """Return heights, colours and owners: ground first, then buildings, cars and trees."""
    size = round(layout.size_m / cell_m)
    heights = np.zeros((size, size), dtype=np.float32)
    colours = np.zeros((size, size, 4), dtype=np.uint8)
    owners = np.zeros((size, size), dtype=np.uint16)
    noise = ground_noise()
    streets = layout.streets
    nodes = np.arange(0.0, layout.size_m + 2 * COARSE_M, COARSE_M)
    coarse = coarse_grids(streets, layout.style.grid(nodes).astype(np.float32), COARSE_M)
    paint_ground(
        colours, cell_m, coarse, COARSE_M, noise, streets.pitch, streets.first, streets.land,
        streets.variant, streets.width_u, streets.width_v,
    )  # fmt: skip
    spots = np.array([(b.x, b.y) for b in layout.buildings])
    aprons = colour(Style.PAVING, unit(layout.style.at(spots[:, 0], spots[:, 1])[Style.PAVING]))
    for number, building in enumerate(layout.buildings):
        frame = (building.x, building.y, np.cos(building.angle), np.sin(building.angle))
        stamp_building(
            heights, colours, owners, cell_m, noise, number + 1, frame, building.parts,
            building.details, building.roof, building.seam_m, aprons[number],
        )  # fmt: skip
    trees = grow_trees(rng, layout, colours[:, :, 3], cell_m)
    stamp_cars(heights, colours, owners, cell_m, park_cars(rng, layout))
    stamp_trees(heights, colours, owners, cell_m, noise, trees)
    return heights, colours, owners
