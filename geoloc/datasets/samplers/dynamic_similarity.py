"""Batches of places that the network confuses, as Sample4Geo goes on with its training."""

import numpy as np
from numpy.typing import NDArray

from geoloc.datasets.samplers.gps import GPSSampler
from geoloc.errors import ConfigError
from geoloc.registry import SAMPLERS


@SAMPLERS.register_module()
class DynamicSimilaritySampler(GPSSampler):
    """Fills batches with places and those that look most like them at the moment.

    The dynamic similarity sampling of Sample4Geo (Deuser et al., ICCV 2023). It starts as
    ``GPSSampler``; ``NeighbourMiningHook`` describes the training images every few epochs and
    replaces the neighbours by the most similar places. The arguments are those of ``GPSSampler``.
    """

    def set_neighbours(self, table: NDArray[np.int64]) -> None:
        """Replace the neighbours, from the next epoch on; every rank must set the same.

        Args:
            table: Neighbours of each of ``places``, most similar first, int ``[P, k]``; entries
                are positions in ``places``, which are place labels where every place has items.

        Raises:
            ConfigError: If the table does not fit the dataset's places.
        """
        rows = np.asarray(table)
        places = self.places.size
        if rows.ndim != 2 or len(rows) != places or not np.issubdtype(rows.dtype, np.integer):
            raise ConfigError(
                f"a neighbour table for {places} places must be whole numbers [{places}, k], "
                f"got {rows.dtype} {list(rows.shape)}; was it made on another dataset?"
            )
        if rows.size and not 0 <= rows.min() <= rows.max() < places:
            raise ConfigError(
                f"a neighbour table for {places} places names place "
                f"{rows.min() if rows.min() < 0 else rows.max()}; was it made on another dataset?"
            )
        self.neighbours = rows.astype(np.int64)
