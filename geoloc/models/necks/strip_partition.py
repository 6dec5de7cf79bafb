"""Partition of a feature map into horizontal or vertical strips."""

import torch.nn.functional as F
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.necks.feature_map import check_feature_map
from geoloc.registry import NECKS

DIRECTIONS = ("rows", "columns")


@NECKS.register_module()
class StripPartition(nn.Module):
    """Average a feature map over strips of equal width (PCB, Sun et al., ECCV 2018).

    LPN pools ground panoramas into rows, top to bottom, that pair with the square rings of a
    satellite image from the outside in: the horizon is far from the centre.

    Args:
        num_parts: P.
        direction: ``'rows'`` for horizontal strips, top to bottom, ``'columns'`` for vertical
            ones, left to right. Strips of a map that P does not divide overlap by one position.

    Raises:
        ConfigError: If ``num_parts`` is not positive or ``direction`` unknown.
    """

    def __init__(self, num_parts: int, direction: str = "rows") -> None:
        super().__init__()
        if num_parts <= 0:
            raise ConfigError(f"num_parts={num_parts} must be positive.")
        if direction not in DIRECTIONS:
            raise ConfigError(f"direction={direction!r} must be one of {', '.join(DIRECTIONS)}.")
        self.output_size = (num_parts, 1) if direction == "rows" else (1, num_parts)

    def forward(self, features: Tensor) -> Tensor:
        """Return the parts ``[N, C, P]`` of a feature map ``[N, C, H, W]``, same dtype.

        Raises:
            ValueError: If ``features`` has another shape.
        """
        check_feature_map("StripPartition", features)
        return F.adaptive_avg_pool2d(features, self.output_size).flatten(2)
