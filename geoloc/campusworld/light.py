"""Light, season and air of a flight, and the shadows that its sun casts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

Array = NDArray[np.float64]
Grid = NDArray[np.float32]

SHADOW_CELL_M = 1.0
SHADOW_DOUBLINGS = 7  # shadows reach 2**7 m


@dataclass(frozen=True)
class Light:
    """How a scene is lit; colours are linear rgb ``[3]``.

    Attributes:
        sun_direction: Unit vector towards the sun (east, north, up).
        sun, sky: Light of the sun and of the whole sky.
        haze: Colour that distance fades into.
        haze_per_m: Share of the light that a metre of air replaces by haze.
        foliage, grass: Seasonal factors on the colours of trees and of grass.
        exposure: Factor on everything, white balance included.
    """

    sun_direction: Array
    sun: Array
    sky: Array
    haze: Array
    haze_per_m: float
    foliage: Array
    grass: Array
    exposure: Array

    def packed(self) -> Array:
        """Return the values as one array ``[22]``, the form the kernels take."""
        parts = (self.sun_direction, self.sun, self.sky, self.haze, [self.haze_per_m])
        return np.concatenate([*parts, self.foliage, self.grass, self.exposure])


def draw_light(rng: np.random.Generator, overhead: bool) -> Light:
    """Draw the light of a flight, or of a satellite pass if ``overhead``.

    A satellite passes in the late morning under clear air; drones fly at any hour.
    """
    if overhead:
        azimuth, elevation = rng.uniform(110, 165), rng.uniform(42, 62)
        warmth, haze_per_m = rng.normal(0.0, 0.02), 0.0
    else:
        azimuth, elevation = rng.uniform(85, 275), rng.uniform(30, 64)
        warmth, haze_per_m = rng.normal(0.02, 0.03), 10 ** rng.uniform(-3.6, -3.15)
    warmth += 0.05 * (1.0 - (elevation - 30.0) / 34.0)
    a, e = np.radians(azimuth), np.radians(elevation)
    direction = np.array([np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), np.sin(e)])
    sun = np.array([1.0 + warmth, 1.0, 0.94 - 1.6 * warmth]) * rng.uniform(1.05, 1.3)
    sky = np.array([0.40, 0.44, 0.50]) * rng.uniform(0.8, 1.1)
    dry = rng.uniform(-0.5, 0.6)  # early summer to autumn
    foliage = np.array([1.0 + 0.30 * dry, 1.0 + 0.02 * dry, 1.0 - 0.12 * dry])
    grass = np.array([1.0 + 0.22 * dry, 1.0 + 0.05 * dry, 1.0 - 0.05 * dry])
    gain = np.exp(rng.normal(0.0, 0.07)) * np.exp(rng.normal(0.0, 0.015, 3))
    haze = np.array([0.56, 0.64, 0.74]) * rng.uniform(0.85, 1.1)
    return Light(direction, sun, sky, haze, float(haze_per_m), foliage, grass, gain)


def vary_light(light: Light, rng: np.random.Generator) -> Light:
    """Return the light some minutes later: same sun, other clouds, camera gain and colour."""
    cloud = rng.uniform(0.75, 1.05)
    return Light(
        light.sun_direction,
        light.sun * cloud,
        light.sky * (1.0 + 0.5 * (1.0 - cloud)) * np.exp(rng.normal(0.0, 0.02, 3)),
        light.haze,
        light.haze_per_m * rng.uniform(0.8, 1.25),
        light.foliage,
        light.grass,
        light.exposure * np.exp(rng.normal(0.0, 0.05)) * np.exp(rng.normal(0.0, 0.012, 3)),
    )


def cast_shadows(heights: Grid, sun_direction: Array) -> Grid:
    """Return the height in m below which each point is in the shade, float32 ``[N, N]``.

    ``ceiling(p) = max over k >= 1 of heights(p + k d) - k s`` for a horizontal step ``d`` of one
    cell towards the sun and its rise ``s``; doubling the reach needs log2 many passes.

    Args:
        heights: Height map with cells of :data:`SHADOW_CELL_M`, ``[N (y), N (x)]``.
        sun_direction: Unit vector towards the sun.
    """
    horizontal = float(np.hypot(sun_direction[0], sun_direction[1]))
    step = sun_direction[:2] / horizontal
    rise = SHADOW_CELL_M * float(sun_direction[2]) / horizontal
    ceiling = _shifted(heights, step) - np.float32(rise)
    for doubling in range(SHADOW_DOUBLINGS):
        reach = 2**doubling
        np.maximum(ceiling, _shifted(ceiling, step * reach) - np.float32(rise * reach), out=ceiling)
    return ceiling


def _shifted(grid: Grid, offset: Array) -> Grid:
    """Return ``grid`` read at ``offset`` (x, y) cells from each cell, rounded; 0 beyond it."""
    dx, dy = (int(np.rint(value)) for value in offset)
    size = len(grid)
    moved = np.zeros_like(grid)
    to_y, from_y = slice(max(-dy, 0), size - max(dy, 0)), slice(max(dy, 0), size - max(-dy, 0))
    to_x, from_x = slice(max(-dx, 0), size - max(dx, 0)), slice(max(dx, 0), size - max(-dx, 0))
    moved[to_y, to_x] = grid[from_y, from_x]
    return moved


def sky_share(heights: Grid) -> Grid:
    """Return the share of the sky seen from each point, about 0.3 .. 1, float32 ``[N, N]``.

    Points below the mean height around them see less sky; two radii give contact shadows and
    dim courtyards.
    """
    near = uniform_filter(heights, size=7, mode="nearest") - heights
    wide = uniform_filter(heights, size=25, mode="nearest") - heights
    share = 1.0 - 0.055 * np.maximum(near, 0.0) - 0.035 * np.maximum(wide, 0.0)
    return np.asarray(np.clip(share, 0.3, 1.0), dtype=np.float32)
