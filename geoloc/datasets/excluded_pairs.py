"""Training pairs that are neither positive nor negative."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoloc.datasets.index import Index
from geoloc.datasets.place_levels import Images, PlaceLevels, place_levels
from geoloc.errors import ConfigError

SAME_PLACE, EXCLUDED = 2, 1


class ExcludingLevels(PlaceLevels):
    """Level 2 for the same place, 1 for pairs that are excluded, 0 for any other.

    A loss takes them with ``positive_level=2, negative_level=0``. Excluded are places within a
    radius of each other, and pairs of which one image also shows the place of the other.

    Args:
        num_places: C.
        nearby: Levels above 0 within the radius; None without a radius.
        also_shows: Labels of the places that each image of the index also shows, int64
            ``[rows, S]``, -1 for none; None leaves them negatives.
        latlon: Positions of the places.
    """

    highest = SAME_PLACE
    also_shows: Tensor | None

    def __init__(
        self,
        num_places: int,
        nearby: PlaceLevels | None = None,
        also_shows: Tensor | None = None,
        latlon: NDArray[np.float64] | None = None,
    ) -> None:
        super().__init__(latlon)
        self.num_places = num_places
        self.nearby = nearby
        self.register_buffer("also_shows", also_shows, persistent=False)

    def __len__(self) -> int:
        return self.num_places

    def forward(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Return the levels int8 ``[n, m]`` of place labels ``rows [n]`` and ``columns [m]``."""
        same = rows[:, None] == columns
        if self.nearby is None:
            return SAME_PLACE * same.to(torch.int8)
        excluded = (self.nearby(rows, columns) > 0).to(torch.int8)
        return torch.where(same, SAME_PLACE, excluded)

    def of_images(self, rows: Images, columns: Images) -> Tensor:
        """Return the levels int8 ``[n, m]`` of images.

        Raises:
            RuntimeError: If the rows of the images are needed, but not given.
        """
        levels: Tensor = self(rows.places, columns.places)
        if self.also_shows is None:
            return levels
        shown = self._shown(rows, columns.places) | self._shown(columns, rows.places).T
        return levels.masked_fill(shown & (levels == 0), EXCLUDED)

    def _shown(self, images: Images, places: Tensor) -> Tensor:
        """Return which of ``places [m]`` each of the images also shows, bool ``[n, m]``."""
        if images.rows is None:
            raise RuntimeError("semi-positives belong to images: their rows are needed")
        assert self.also_shows is not None
        also = self.also_shows[images.rows].reshape(len(images.places), -1)
        shown = torch.zeros(len(also), len(places), dtype=torch.bool, device=places.device)
        for label in also.unbind(dim=1):
            shown |= label[:, None] == places
        return shown


def excluding_levels(
    index: Index, radius_m: float | None, exclude_semi_positives: bool
) -> ExcludingLevels:
    """Return the levels between the training images of an index.

    Args:
        index: The images.
        radius_m: Places within so many metres of each other are excluded; None: none are. SAFA,
            DSM and OriCNN take 25 m on CVACT (known: their codes, which count a pair at exactly
            that distance as negative; here it is excluded).
        exclude_semi_positives: Exclude the pairs of ``also_shows``.

    Raises:
        ConfigError: If the index lacks what the exclusion needs.
    """
    if radius_m is not None and not index.has_positions:
        raise ConfigError(
            f"exclusion_radius_m={radius_m:g} needs positions, but the dataset has none; leave it "
            "out"
        )
    if exclude_semi_positives and not index.also_shows.size:
        raise ConfigError(
            "exclude_semi_positives=True needs semi-positives, but the dataset has none; leave it "
            "out"
        )
    nearby = None if radius_m is None else place_levels(index, (radius_m,))
    also = torch.from_numpy(index.also_labels) if exclude_semi_positives else None
    latlon = index.place_latlon if index.has_positions else None
    return ExcludingLevels(len(index.places), nearby, also, latlon)
