"""Pairs of places for the estimate: a random half and a near half."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from geoloc.geo.earth_centred import earth_centred

ANCHORS = 100_000  # of whose neighbours the near half is made


class Pairs(NamedTuple):
    """Pairs of different items, each once and with ``first < second``.

    Attributes:
        first: Int64 ``[P]``.
        second: Int64 ``[P]``.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]


def stratified_pairs(
    latlon: ArrayLike, num_pairs: int = 2_000_000, neighbours: int = 50, seed: int = 0
) -> Pairs:
    """Return all pairs if there are few enough, else half random ones and half near ones.

    Random pairs of a global dataset almost never are near (4 in a million within 25 km). The mean
    of a bin is not biased by the choice, because a bin looks at pairs of one distance only; where
    in the bin its pairs lie changes a little (inferred design).

    Args:
        latlon: WGS-84 (lat, lon) ``[N, 2]`` in degrees.
        num_pairs: Most pairs to return.
        neighbours: Nearest neighbours from which the near half is drawn.
        seed: Of the draws.

    Raises:
        CoordinateError: If a row is not a position on Earth.
    """
    positions = earth_centred(latlon)
    size = len(positions)
    if size * (size - 1) // 2 <= num_pairs:
        first, second = np.triu_indices(size, k=1)
        return Pairs(first.astype(np.int64), second.astype(np.int64))
    rng = np.random.default_rng(seed)
    near = _near(positions, min(neighbours, size - 1), num_pairs // 2, rng)
    a, b = rng.integers(0, size, (2, num_pairs - len(near)))
    keys = np.unique(np.concatenate([near, _keys(a, b, size)]))
    return Pairs(*np.divmod(keys, size))


def _near(
    positions: NDArray[np.float64], neighbours: int, most: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the keys of pairs of neighbours, each once, at random if there are too many."""
    size = len(positions)
    anchors = rng.permutation(size)[:ANCHORS]
    found = cKDTree(positions).query(positions[anchors], k=neighbours + 1)[1]
    keys = np.unique(_keys(np.repeat(anchors, neighbours + 1), found.reshape(-1), size))
    return keys if len(keys) <= most else rng.choice(keys, most, replace=False)


def _keys(a: NDArray[np.int64], b: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return a number per pair, whatever its order, without pairs of an item with itself."""
    different = a != b
    low, high = np.minimum(a, b)[different], np.maximum(a, b)[different]
    keys: NDArray[np.int64] = low * size + high
    return keys
