"""A small map that keeps the azimuth, whose descriptors are compared at every rotation (DSM)."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.necks.feature_map import check_feature_map
from geoloc.models.wrapped_columns import wrap_columns_of
from geoloc.registry import NECKS


@NECKS.register_module()
class AzimuthMap(nn.Module):
    """Reduce channels and rows of a map, but not its columns (Shi et al., DSM, CVPR 2020).

    3 x 3 convolutions, all but the last with a stride of 2 over the rows and ReLU; a panorama of
    128 x 512 and VGG16 up to conv4_3 give 16 channels, 4 rows and 64 columns. Known from the
    official code: widths, strides, activations, and that the satellite branch wraps its columns.

    The output is flattened: a ``NormalizeHead`` scales the map as a whole, and
    :class:`AzimuthSimilarity` compares it.

    Args:
        in_channels: C, the channels of the backbone's map.
        widths: Output channels of the convolutions.
        wrap_columns: Whether the right edge of the map meets the left.
        circle: Columns of a map of 360 degrees; a narrower one, of a part of a panorama, gets
            zeros on its right, as :class:`AzimuthSimilarity` expects. None leaves it as it is.

    Raises:
        ConfigError: If a number is not positive.
    """

    def __init__(
        self,
        in_channels: int,
        widths: Sequence[int] = (256, 64, 16),
        wrap_columns: bool = False,
        circle: int | None = None,
    ) -> None:
        super().__init__()
        channels = [in_channels, *widths]
        if len(channels) < 2 or min(channels) < 1:
            raise ConfigError(
                f"AzimuthMap: in_channels={in_channels} and widths={tuple(widths)} must be "
                "positive."
            )
        layers: list[nn.Module] = []
        for layer, (before, after) in enumerate(zip(channels, widths, strict=False)):
            stride = (2, 1) if layer < len(widths) - 1 else 1
            convolution = nn.Conv2d(before, after, 3, stride, padding=1)
            if wrap_columns:
                wrap_columns_of(convolution)
            layers += [convolution, nn.ReLU()]
        self.in_channels = in_channels
        self.circle = circle
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, features: Tensor) -> Tensor:
        """Return ``[N, widths[-1] * rows * columns]`` of a map ``[N, C, H, W]``, same dtype.

        Raises:
            ValueError: If ``features`` has another shape, or more columns than the circle.
        """
        check_feature_map("AzimuthMap", features, self.in_channels)
        reduced: Tensor = self.layers(features)
        if self.circle is not None:
            if reduced.shape[3] > self.circle:
                raise ValueError(
                    f"AzimuthMap: the map has {reduced.shape[3]} columns, more than "
                    f"circle={self.circle}; set it to those of 360 degrees."
                )
            reduced = F.pad(reduced, (0, self.circle - reduced.shape[3]))
        return reduced.flatten(1)
