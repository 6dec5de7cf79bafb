"""Neighbour tables: for every place the others that are most easily taken for it, nearest first."""

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from geoloc.geo import earth_centred

_BLOCK_ROWS = 1024  # 1024 x 100,000 similarities are 400 MB


def nearest_places(latlon: ArrayLike, count: int) -> NDArray[np.int64]:
    """Return the nearest other places of every place on the ground.

    (The official code of Sample4Geo passes degrees to a haversine distance that expects radians,
    so its GPS neighbours are not the nearest places.)

    Args:
        latlon: WGS-84 (lat, lon) ``[C,2]`` in degrees.
        count: Neighbours per place.

    Returns:
        Int64 ``[C, min(count, C - 1)]``, nearest first.

    Raises:
        CoordinateError: If a row is not a position on Earth.
    """
    positions = earth_centred(latlon)
    count = min(count, len(positions) - 1)
    # at least 2, or the tree drops an axis; of places at one point any may be found first
    found = cKDTree(positions).query(positions, k=max(2, count + 1))[1].astype(np.int64)
    others = found != np.arange(len(positions))[:, None]
    others[others.all(axis=1), -1] = False
    table: NDArray[np.int64] = found[others].reshape(len(positions), -1)[:, :count]
    return table


def most_similar(query: Tensor, reference: Tensor, own: Tensor, count: int) -> Tensor:
    """Return the references that are most similar to every query, its own excluded.

    Args:
        query: Descriptors ``[n,D]``.
        reference: Descriptors ``[m,D]``.
        own: The reference of each query, int64 ``[n]``.
        count: References per query.

    Returns:
        Int64 ``[n, min(count, m - 1)]``, most similar (largest dot product) first.
    """
    count = min(count, len(reference) - 1)
    rows = []
    for start in range(0, len(query), _BLOCK_ROWS):
        part = slice(start, start + _BLOCK_ROWS)
        similarity = query[part] @ reference.T
        similarity.scatter_(1, own[part, None], -torch.inf)
        rows.append(similarity.topk(count, dim=1).indices)
    return torch.cat(rows)
