"""A campus ready to be photographed: its plan, turned into maps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoloc.campusworld.buildings import Building
from geoloc.campusworld.ground import coarse_grids, ground_noise, paint_ground, street_plan
from geoloc.campusworld.layout import Layout, make_layout
from geoloc.campusworld.light import SHADOW_CELL_M, Light, cast_shadows, draw_light, sky_share
from geoloc.campusworld.raymarch import build_beam_map, build_pyramid
from geoloc.campusworld.scene import Scene
from geoloc.campusworld.spec import CampusPlan, WorldSpec, random_stream
from geoloc.campusworld.stamping import Maps, solid_of, stamp_building, stamp_cars, stamp_trees
from geoloc.campusworld.style import Style, colour, unit
from geoloc.campusworld.vegetation import grow_trees, park_cars

Array = NDArray[np.float64]
Grid = NDArray[np.float32]

COARSE_M = 4.0
FLIGHTS = 3
SATELLITE = 0  # number of its light; those of the flights follow


@dataclass(frozen=True)
class Campus:
    """A campus under every light.

    Attributes:
        layout: The plan.
        lights: Light of the satellite, then of each flight.
        scenes: The maps under each light; they share all but shadows and light.
    """

    layout: Layout
    lights: list[Light]
    scenes: list[Scene]

    def building_of(self, place: int) -> Building:
        """Return the building that is a place."""
        return self.layout.buildings[int(self.layout.place_of[place])]


def make_campus(spec: WorldSpec, plan: CampusPlan) -> Campus:
    """Build the maps of a campus; a pure function of the spec and the campus number."""
    layout = make_layout(spec, plan)
    rng = random_stream(spec.seed, plan.index, view=0)
    heights, colours, owners = _fill_maps(rng, layout, spec.cell_m)
    lights = [draw_light(rng, overhead=number == SATELLITE) for number in range(1 + FLIGHTS)]
    coarse = _block_mean(heights, round(SHADOW_CELL_M / spec.cell_m))
    pyramid = build_pyramid(heights)
    size = len(heights)
    frames = [(b.x, b.y, np.cos(b.angle), np.sin(b.angle)) for b in layout.buildings]
    scene = Scene(
        heights=pyramid[: size * size].reshape(size, size),  # one copy stays in the CPU's cache
        colours=colours,
        owners=owners,
        pyramid=pyramid,
        beam_map=build_beam_map(pyramid, size, spec.cell_m),
        sky=sky_share(coarse),
        ceiling=coarse,
        frames=np.array(frames),
        facades=np.array([b.facade for b in layout.buildings]),
        light=lights[SATELLITE].packed(),
        cell_m=spec.cell_m,
        coarse_m=SHADOW_CELL_M,
        top=float(heights.max()),
    )
    scenes = [
        scene._replace(light=light.packed(), ceiling=cast_shadows(coarse, light.sun_direction))
        for light in lights
    ]
    return Campus(layout, lights, scenes)


def _block_mean(grid: Grid, block: int) -> Grid:
    side = len(grid) // block
    return np.asarray(grid.reshape(side, block, side, block).mean(axis=(1, 3)), dtype=np.float32)


def _fill_maps(
    rng: np.random.Generator, layout: Layout, cell_m: float
) -> tuple[Grid, NDArray[np.uint8], NDArray[np.uint16]]:
    """Return heights, colours and owners: ground first, then buildings, cars and trees."""
    size = round(layout.size_m / cell_m)
    maps = Maps(
        heights=np.zeros((size, size), dtype=np.float32),
        colours=np.zeros((size, size, 4), dtype=np.uint8),
        owners=np.zeros((size, size), dtype=np.uint16),
        noise=ground_noise(),
        cell_m=cell_m,
    )
    nodes = np.arange(0.0, layout.size_m + 2 * COARSE_M, COARSE_M)
    coarse = coarse_grids(layout.streets, layout.style.grid(nodes).astype(np.float32), COARSE_M)
    paint_ground(maps.colours, cell_m, coarse, COARSE_M, maps.noise, street_plan(layout.streets))
    spots = np.array([(b.x, b.y) for b in layout.buildings])
    aprons = colour(Style.PAVING, unit(layout.style.at(spots[:, 0], spots[:, 1])[Style.PAVING]))
    for number, building in enumerate(layout.buildings):
        stamp_building(maps, solid_of(building, number + 1, aprons[number]))
    trees = grow_trees(rng, layout, maps.colours[:, :, 3], cell_m)
    stamp_cars(maps, park_cars(rng, layout))
    stamp_trees(maps, trees)
    return maps.heights, maps.colours, maps.owners
