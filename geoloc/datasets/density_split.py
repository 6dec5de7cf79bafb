"""OSV5M's validation split: train photos, drawn more evenly over the world than they lie."""

import numpy as np
from numpy.typing import NDArray

CELLS = 99  # each way: 100 edges
POWER = -0.75


def density_validation(latlon: NDArray[np.float64], share: float, seed: int) -> NDArray[np.bool_]:
    """Draw photos without replacement, with probability density^-0.75.

    The density of a photo is the number of photos in its cell of a grid of 99 x 99 over longitude
    and latitude. Share, power and the seed 42 are known from the official code; that the grid spans
    the whole world is inferred, and that the draw is the one of pandas' ``sample`` recalled.

    Args:
        latlon: (lat, lon) ``[n, 2]`` in degrees.
        share: Of the photos to draw.
        seed: Of the draw.

    Returns:
        Which photos are drawn, bool ``[n]``.
    """
    share_of_world = (latlon - [-90, -180]) / [180, 360]
    row, column = np.minimum(share_of_world * CELLS, CELLS - 1).astype(np.int64).T
    cell = row * CELLS + column
    weight = np.bincount(cell, minlength=CELLS * CELLS)[cell] ** POWER
    generator = np.random.RandomState(seed)
    size = int(share * len(latlon))
    drawn = generator.choice(len(latlon), size, replace=False, p=weight / weight.sum())
    chosen = np.zeros(len(latlon), dtype=bool)
    chosen[drawn] = True
    return chosen
