"""The street grid: a square grid bent by smooth fields, and the use of each block."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from geoloc.campusworld.fields import SmoothFields

Array = NDArray[np.float64]

WARP_SCALES_M = (150.0, 400.0)
WARP_DEVIATIONS_M = (7.0, 48.0)
SIDEWALK_M = 2.5


class Land(IntEnum):
    """What a block is used for."""

    BUILT = 0
    LAWN = 1
    PLAZA = 2
    PARKING = 3
    TRACK = 4
    COURTS = 5
    POND = 6
    WOOD = 7
    GARDEN = 8


LAND_SHARES = (0.82, 0.03, 0.025, 0.035, 0.02, 0.02, 0.02, 0.02, 0.01)


@dataclass(frozen=True)
class StreetGrid:
    """Warped coordinates (u, v) whose integer multiples of the pitch are street centre lines.

    ``(u, v) = R (x, y) + w(x, y)`` with a rotation R and smooth shifts w, so that the angle and
    the spacing of the streets drift over the campus.

    Attributes:
        angle: Direction of the u axis at rest, rad counter-clockwise from east.
        pitch: Distance of neighbouring streets in u and in v, m.
        warp: The two fields w.
        first: Block numbers of ``land[0, 0]``.
        land: Use of each block, int8 ``[I (u), J (v)]``.
        variant: Random bits of each block, int64 ``[I, J]``.
        width_u: Width in m of the street at the low-u side of each block, ``[I + 1]``; 0 is none.
        width_v: The same for v, ``[J + 1]``.
    """

    angle: float
    pitch: tuple[float, float]
    warp: SmoothFields
    first: tuple[int, int]
    land: NDArray[np.int8]
    variant: NDArray[np.int64]
    width_u: Array
    width_v: Array

    def to_uv(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return the street coordinates of points ``x, y [P]`` in m."""
        shift = self.warp.at(x, y)
        c, s = np.cos(self.angle), np.sin(self.angle)
        return c * x + s * y + shift[0], c * y - s * x + shift[1]

    def to_xy(self, u: Array, v: Array) -> tuple[Array, Array]:
        """Return the points with street coordinates ``u, v [P]``, by fixed-point iteration."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        x, y = c * u - s * v, s * u + c * v
        for _ in range(16):  # the warp's slope is below 0.5, so the error at least halves
            shift = self.warp.at(x, y)
            p, q = u - shift[0], v - shift[1]
            x, y = c * p - s * q, s * p + c * q
        return x, y

    def grid(self, coordinates: Array) -> tuple[Array, Array]:
        """Return u and v at all pairs of ``coordinates [N]``, each ``[N (y), N (x)]``."""
        shift = self.warp.grid(coordinates)
        c, s = np.cos(self.angle), np.sin(self.angle)
        x, y = coordinates[None, :], coordinates[:, None]
        return c * x + s * y + shift[0], c * y - s * x + shift[1]


def make_streets(rng: np.random.Generator, size_m: float) -> StreetGrid:
    """Draw the street grid of a campus map of side ``size_m``."""
    angle = rng.uniform(0.0, np.pi / 2)
    pitch = (rng.uniform(112.0, 124.0), rng.uniform(92.0, 102.0))
    warp = SmoothFields(rng, 2, size_m, WARP_SCALES_M, WARP_DEVIATIONS_M)
    reach = 1.5 * size_m + 400.0  # a square of side s, rotated and warped, stays within
    first = (int(-reach // pitch[0]), int(-reach // pitch[1]))
    blocks = (int(2 * reach / pitch[0]) + 2, int(2 * reach / pitch[1]) + 2)
    land = rng.choice(len(LAND_SHARES), size=blocks, p=LAND_SHARES).astype(np.int8)
    variant = rng.integers(0, 2**31, size=blocks)
    return StreetGrid(
        angle, pitch, warp, first, land, variant, _widths(rng, blocks[0]), _widths(rng, blocks[1])
    )


def _widths(rng: np.random.Generator, blocks: int) -> Array:
    """Return street widths in m: alternating roads and lanes, now and then an avenue or none."""
    kinds = np.array([0.0, 3.0, 6.0, 7.5, 10.0, 15.0])
    return np.asarray(rng.choice(kinds, size=blocks + 1, p=[0.06, 0.14, 0.25, 0.28, 0.17, 0.10]))
