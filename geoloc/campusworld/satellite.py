"""The satellite's view: a lit, north-up square of the map around a place."""

import numpy as np
from numba import njit
from numpy.typing import NDArray
from PIL import Image

from geoloc.campusworld.campus import Campus
from geoloc.campusworld.light import SHADOW_CELL_M
from geoloc.campusworld.shading import encode, shade_top

Table = NDArray[np.float64]


def render_satellite(campus: Campus, place: int, tile_m: float, pixels: int) -> Image.Image:
    """Return the satellite image of a place.

    Args:
        campus: The campus.
        place: Number of the place on it.
        tile_m: Side of the ground square shown, m.
        pixels: Side of the image.
    """
    building = campus.layout.buildings[campus.layout.place_of[place]]
    cells = round(tile_m / campus.cell_m)
    light, ceiling = campus.lights[0], campus.ceilings[0]
    west, north = building.x - tile_m / 2, building.y + tile_m / 2
    shot = _shade_tile(
        campus.colours, campus.heights, ceiling, campus.sky, campus.cell_m, SHADOW_CELL_M,
        west, north, cells, light.packed(),
    )  # fmt: skip
    return Image.fromarray(shot).resize((pixels, pixels), Image.Resampling.HAMMING)


@njit(cache=True)
def _shade_tile(
    colours: NDArray[np.uint8],
    heights: NDArray[np.float32],
    ceiling: NDArray[np.float32],
    sky: NDArray[np.float32],
    cell_m: float,
    shadow_cell_m: float,
    west: float,
    north: float,
    cells: int,
    light: Table,
) -> NDArray[np.uint8]:
    """Return uint8 ``[cells, cells, 3]``, one pixel for each cell, north up."""
    out = np.zeros((cells, cells, 3), dtype=np.uint8)
    last = len(heights) - 1
    for r in range(cells):
        y = north - (r + 0.5) * cell_m
        i = min(max(int(y / cell_m), 0), last)
        for c in range(cells):
            x = west + (c + 0.5) * cell_m
            j = min(max(int(x / cell_m), 0), last)
            z = heights[i, j]
            rgb = shade_top(
                colours, heights, ceiling, sky, cell_m, shadow_cell_m, (i, j, x, y, z), light
            )
            out[r, c, 0], out[r, c, 1], out[r, c, 2] = (
                encode(rgb[0]),
                encode(rgb[1]),
                encode(rgb[2]),
            )
    return out
