"""Smooth random fields: white noise on lattices, interpolated by cubic B-splines."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geoloc.kernel import kernel

Array = NDArray[np.float64]

NODE_DEVIATION = 0.48
"""Standard deviation of a 2-D cubic B-spline surface over unit white noise."""


class SmoothFields:
    """Independent random fields over the square ``[0, size_m]^2``.

    Each field is a sum over correlation lengths. Only additions and products in a fixed order are
    used (no FFT, no BLAS), so a field does not depend on threads.

    Args:
        rng: Source of the lattice values.
        count: Number of fields K.
        size_m: Side of the square in m.
        scales_m: Correlation lengths, which are the lattice spacings, in m.
        deviations: Standard deviation that each correlation length contributes.
        means: Mean of each field, ``[K]``; 0 by default.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        count: int,
        size_m: float,
        scales_m: Sequence[float],
        deviations: Sequence[float],
        means: Array | None = None,
    ) -> None:
        self.scales_m = tuple(scales_m)
        self.lattices: list[Array] = []
        for scale, deviation in zip(scales_m, deviations, strict=True):
            nodes = int(size_m / scale) + 5
            lattice = rng.standard_normal((count, nodes, nodes))
            self.lattices.append(lattice * (deviation / NODE_DEVIATION))
        if means is not None:
            self.lattices[-1] += means[:, None, None]  # the weights of a spline add up to 1

    def at(self, x: Array, y: Array) -> Array:
        """Return the fields at points ``x, y [P]`` in m, as ``[K, P]``."""
        total = np.zeros((len(self.lattices[0]), len(x)))
        for scale, lattice in zip(self.scales_m, self.lattices, strict=True):
            column, weight_x = _spline_weights(x / scale, lattice.shape[1])
            row, weight_y = _spline_weights(y / scale, lattice.shape[1])
            _add_spline(total, lattice, row, column, weight_y, weight_x)
        return total

    def grid(self, coordinates: Array) -> Array:
        """Return the fields at all pairs of ``coordinates [N]`` in m, as ``[K, N (y), N (x)]``."""
        size = len(coordinates)
        total = np.zeros((len(self.lattices[0]), size, size))
        for scale, lattice in zip(self.scales_m, self.lattices, strict=True):
            first, weight = _spline_weights(coordinates / scale, lattice.shape[1])
            rows = sum(weight[i][:, None] * lattice[:, first + i, :] for i in range(4))
            total += sum(weight[i] * rows[:, :, first + i] for i in range(4))
        return total


@kernel
def _add_spline(
    total: Array,
    lattice: Array,
    row: NDArray[np.intp],
    column: NDArray[np.intp],
    weight_y: Array,
    weight_x: Array,
) -> None:
    """Add the weighted 4 x 4 lattice neighbours of each point to ``total [K, P]``."""
    for k in range(total.shape[0]):
        for p in range(total.shape[1]):
            for i in range(4):
                for j in range(4):
                    node = lattice[k, row[p] + i, column[p] + j]
                    total[k, p] += weight_y[i, p] * weight_x[j, p] * node


def _spline_weights(position: Array, nodes: int) -> tuple[NDArray[np.intp], Array]:
    """Return the first of four lattice nodes ``[P]`` and the four weights ``[4, P]``."""
    clipped = np.clip(position, 0.0, nodes - 4.001)
    first = np.floor(clipped).astype(np.intp)
    t = clipped - first
    weights = (
        (1 - t) ** 3,
        3 * t**3 - 6 * t**2 + 4,
        -3 * t**3 + 3 * t**2 + 3 * t + 1,
        t**3,
    )
    return first, np.stack(weights) / 6.0
