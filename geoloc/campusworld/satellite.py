"""The satellite's view: a lit, north-up square of the map around a place."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geoloc.campusworld.campus import SATELLITE, Campus
from geoloc.campusworld.scene import Scene
from geoloc.campusworld.shading import encode, shade_top
from geoloc.kernel import kernel


def render_satellite(campus: Campus, place: int, tile_m: float, pixels: int) -> Image.Image:
    """Return the satellite image of a place.

    Args:
        campus: The campus.
        place: Number of the place on it.
        tile_m: Side of the ground square shown, m.
        pixels: Side of the image.
    """
    building = campus.building_of(place)
    return render_tile(campus, np.array([building.x, building.y]), tile_m, pixels)


def render_tile(
    campus: Campus, position: NDArray[np.float64], tile_m: float, pixels: int
) -> Image.Image:
    """Return the satellite image around a position.

    Args:
        campus: The campus.
        position: x and y on the map in m.
        tile_m: Side of the ground square shown, m.
        pixels: Side of the image.
    """
    scene = campus.scenes[SATELLITE]
    cells = round(tile_m / scene.cell_m)
    west, north = float(position[0]) - tile_m / 2, float(position[1]) + tile_m / 2
    shot = _shade_tile(scene, west, north, cells)
    return Image.fromarray(shot).resize((pixels, pixels), Image.Resampling.HAMMING)


@kernel
def _shade_tile(scene: Scene, west: float, north: float, cells: int) -> NDArray[np.uint8]:
    """Return uint8 ``[cells, cells, 3]``, one pixel for each cell, north up."""
    out = np.zeros((cells, cells, 3), dtype=np.uint8)
    last = len(scene.heights) - 1
    for r in range(cells):
        y = north - (r + 0.5) * scene.cell_m
        i = min(max(int(y / scene.cell_m), 0), last)
        for c in range(cells):
            x = west + (c + 0.5) * scene.cell_m
            j = min(max(int(x / scene.cell_m), 0), last)
            rgb = shade_top(scene, i, j, x, y, scene.heights[i, j])
            out[r, c, 0], out[r, c, 1], out[r, c, 2] = (
                encode(rgb[0]),
                encode(rgb[1]),
                encode(rgb[2]),
            )
    return out
