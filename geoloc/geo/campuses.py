"""Campuses: groups of places that hang together on the ground."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from geoloc.geo.earth_centred import earth_centred


def campus_labels(latlon: ArrayLike, radius_m: float) -> NDArray[np.int64]:
    """Return the campus of every place: two places within ``radius_m`` share one.

    Campuses are the connected components of that relation, so a chain of places, each within the
    radius of the next, is one campus however long it is.

    Args:
        latlon: WGS-84 (lat, lon) ``[C,2]`` in degrees.
        radius_m: Largest distance in metres between neighbours.

    Returns:
        Labels int64 ``[C]``, 0-based without gaps.

    Raises:
        CoordinateError: If a row is not a position on Earth.
    """
    positions = earth_centred(latlon)
    pairs = cKDTree(positions).query_pairs(radius_m, output_type="ndarray")
    edges = np.ones(len(pairs), dtype=np.int8)
    graph = coo_array((edges, (pairs[:, 0], pairs[:, 1])), shape=(len(positions),) * 2)
    labels: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return labels.astype(np.int64)
