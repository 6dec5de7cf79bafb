"""Spatial embeddings of the strips of a map: the parts of LPN, aggregated as SAFA does."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.losses.precision import full_precision
from geoloc.models.necks.feature_map import check_feature_map
from geoloc.models.necks.spatial_embedding import PositionMaps, embed_positions
from geoloc.registry import NECKS


@NECKS.register_module()
class StripEmbedding(nn.Module):
    """Cut a map into horizontal strips and aggregate each by position maps of its own (SAFA + LPN).

    LPN (Wang et al., TCSVT 2021) pairs the rows of a panorama with square rings of a tile; after
    the polar transform the rings are rows too. *Known*: LPN partitions, SAFA aggregates by
    :class:`PositionMaps`, and the combination was published. *Inferred*: how they are combined, for
    no code of it is public. With four strips of two maps the output is as long as SAFA's.

    Args:
        map_size: Rows and columns of the feature map.
        num_parts: P, the strips; they divide the rows.
        maps_per_part: D; the output has P * D * C dimensions.

    Raises:
        ConfigError: If the strips do not divide the rows.
    """

    def __init__(self, map_size: Sequence[int], num_parts: int = 4, maps_per_part: int = 2) -> None:
        super().__init__()
        rows, columns = map_size
        if num_parts < 1 or rows % num_parts:
            raise ConfigError(
                f"StripEmbedding: num_parts={num_parts} must divide the {rows} rows of "
                f"map_size={tuple(map_size)}."
            )
        self.map_size = (rows, columns)
        positions = rows // num_parts * columns
        self.maps = nn.ModuleList(PositionMaps(positions, maps_per_part) for _ in range(num_parts))

    def forward(self, features: Tensor) -> Tensor:
        """Return ``[N, P * D * C]``, top strip first, at least float32, of a map ``[N, C, H, W]``.

        Raises:
            ValueError: If ``features`` has another shape.
        """
        check_feature_map("StripEmbedding", features)
        if features.shape[2:] != self.map_size:
            raise ValueError(
                f"StripEmbedding was built for a map of {self.map_size} cells, got "
                f"{tuple(features.shape[2:])}; set map_size to its rows and columns."
            )
        with full_precision(features) as (features,):
            strips = features.chunk(len(self.maps), dim=2)
            parts = [
                embed_positions(strip, maps) for strip, maps in zip(strips, self.maps, strict=True)
            ]
            return torch.cat(parts, dim=1).flatten(1)
