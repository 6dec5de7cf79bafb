"""Smooth random fields on the sphere: sums of random plane waves through it.

A wave ``cos(w . x + b)`` of normally distributed ``w`` and uniform ``b`` has the mean covariance
``exp(-c^2 / 2 l^2)`` over the chord c between two unit vectors (random Fourier features, Rahimi and
Recht, NeurIPS 2007). Restricted to the sphere, the sum of many is a nearly Gaussian field of that
covariance, isotropic and without a seam or pole.
"""

import numpy as np
from numpy.typing import NDArray

from geoloc.geo.great_circle import RADIUS_KM

Array = NDArray[np.float64]
WAVES = 160
DECIMALS = 9
CHORDS_PER_RANGE = np.sqrt(2 * np.log(20))  # exp(-c^2 / 2 l^2) = 0.05


class SphereFields:
    """Independent fields of mean 0, variance 1 and a common range.

    Args:
        rng: Source of the waves.
        count: Number of fields K.
        range_km: Distance along the ground at which the semivariogram reaches 95 % of its sill.
        waves: Number of waves of each field; the fewer, the farther from Gaussian.
    """

    def __init__(
        self, rng: np.random.Generator, count: int, range_km: float, waves: int = WAVES
    ) -> None:
        self.scale = chord(range_km) / CHORDS_PER_RANGE
        self.frequency = rng.standard_normal((count, waves, 3)) / self.scale
        self.phase = rng.uniform(0, 2 * np.pi, (count, waves))

    def at(self, vectors: Array) -> Array:
        """Return the fields at unit vectors ``[P, 3]``, as ``[K, P]``.

        They are rounded, so that the last bit of a machine's cosine does not reach an image.
        """
        x, y, z = vectors.T
        total = np.zeros((len(self.frequency), len(vectors)))
        for field, (frequency, phase) in enumerate(zip(self.frequency, self.phase, strict=True)):
            for (u, v, w), shift in zip(frequency.tolist(), phase.tolist(), strict=True):
                total[field] += np.cos(u * x + v * y + w * z + shift)  # no BLAS: a fixed order
        rounded: Array = np.round(total * np.sqrt(2 / self.phase.shape[1]), DECIMALS)
        return rounded

    def semivariance(self, distance_km: Array) -> Array:
        """Return the expected semivariogram at distances along the ground in km."""
        expected: Array = -np.expm1(-0.5 * (chord(distance_km) / self.scale) ** 2)
        return expected


def chord(distance_km: float | Array) -> Array:
    """Return the straight-line distance of points so far apart on the ground, in Earth radii."""
    straight: Array = 2 * np.sin(np.minimum(np.asarray(distance_km) / RADIUS_KM, np.pi) / 2)
    return straight
