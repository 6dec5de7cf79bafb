"""The drone's pinhole camera and its orbit around a place."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """A camera without roll, square pixels and a square image.

    Attributes:
        position: x, y, z on the campus map, m.
        forward, right, down: Unit axes ``[3]`` (east, north, up).
        half_width: Tangent of half the field of view.
    """

    position: Array
    forward: Array
    right: Array
    down: Array
    half_width: float

    @classmethod
    def looking_at(cls, position: Array, target: Array, fov_deg: float) -> "Camera":
        """Return a camera at ``position [3]`` whose image centre shows ``target [3]``, in m."""
        forward = (target - position) / np.linalg.norm(target - position)
        right = np.array([forward[1], -forward[0], 0.0])
        right /= np.linalg.norm(right)
        down = np.cross(forward, right)
        return cls(position, forward, right, down, float(np.tan(np.radians(fov_deg) / 2)))

    def ray(self, row: float, column: float, size: int) -> Array:
        """Return the unit direction ``[3]`` through a pixel position of an image of ``size`` px.

        Pixel centres are at half-integers: the first pixel's is (0.5, 0.5).
        """
        p = (2.0 * column / size - 1.0) * self.half_width
        q = (2.0 * row / size - 1.0) * self.half_width
        direction = self.forward + p * self.right + q * self.down
        return np.asarray(direction / np.linalg.norm(direction))

    def project(self, point: Array, size: int) -> tuple[float, float]:
        """Return the (row, column) where a point ``[3]`` in front of the camera appears."""
        offset = point - self.position
        depth = offset @ self.forward
        p = offset @ self.right / depth / self.half_width
        q = offset @ self.down / depth / self.half_width
        return float((q + 1.0) * size / 2), float((p + 1.0) * size / 2)

    def packed(self) -> Array:
        """Return position, forward and the scaled right and down axes as ``[12]``."""
        right, down = self.right * self.half_width, self.down * self.half_width
        return np.concatenate([self.position, self.forward, right, down])


@dataclass(frozen=True)
class Orbit:
    """A flight around a place: turns start at ``phase`` rad and sink from high to low."""

    phase: float
    radius_m: float
    altitude_m: float
    fov_deg: float


def draw_orbit(rng: np.random.Generator) -> Orbit:
    """Draw the orbit that all views of a place share."""
    return Orbit(
        rng.uniform(0, 2 * np.pi), rng.uniform(95, 160), rng.uniform(115, 165), rng.uniform(62, 69)
    )


def orbit_camera(rng: np.random.Generator, orbit: Orbit, target: Array, turn: float) -> Camera:
    """Return the camera of one view.

    Args:
        rng: Stream of the view.
        orbit: The flight.
        target: What the camera looks at, ``[3]`` m.
        turn: Position of the view on the orbit, 0 .. 1.
    """
    azimuth = orbit.phase + 2 * np.pi * turn + rng.normal(0.0, 0.08)
    radius = np.clip(orbit.radius_m * rng.uniform(0.85, 1.15), 80.0, 180.0)
    altitude = np.clip(orbit.altitude_m * rng.uniform(0.88, 1.12), 100.0, 180.0)
    offset = np.array([radius * np.cos(azimuth), radius * np.sin(azimuth), altitude])
    ground = np.array([target[0], target[1], 0.0])
    aim = target + np.append(rng.normal(0.0, 6.0, 2), 0.0)
    return Camera.looking_at(ground + offset, aim, orbit.fov_deg)
