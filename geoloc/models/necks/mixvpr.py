"""MixVPR: a feature map aggregated by multi-layer perceptrons over its locations."""

import torch.nn.functional as F
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.losses.precision import full_precision
from geoloc.models.necks.feature_map import check_feature_map
from geoloc.registry import NECKS


class FeatureMixer(nn.Module):
    """Residual perceptron over the locations: ``x + W2 relu(W1 LayerNorm(x))``.

    Args:
        locations: H * W.
        mlp_ratio: Width of the hidden layer as a multiple of ``locations``.
    """

    def __init__(self, locations: int, mlp_ratio: float) -> None:
        super().__init__()
        hidden = int(locations * mlp_ratio)
        self.mix = nn.Sequential(
            nn.LayerNorm(locations),
            nn.Linear(locations, hidden),
            nn.ReLU(),
            nn.Linear(hidden, locations),
        )
        for layer in self.mix:
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)

    def forward(self, rows: Tensor) -> Tensor:
        """Return the mixed channels ``[N, C, H * W]`` of channels of the same shape."""
        mixed: Tensor = rows + self.mix(rows)
        return mixed


@NECKS.register_module()
class MixVPR(nn.Module):
    """MixVPR (Ali-bey et al., WACV 2023, Eq. 3-6), the aggregation of CV-Cities.

    The map becomes C rows of its H * W locations, which ``mix_depth`` residual perceptrons mix.
    A linear layer over the channels and one over the locations then reduce them to
    ``out_channels x out_rows``, flattened and L2-normalised. The names of parameters are the
    official ones. CV-Cities: DINOv2 ViT-B/14 at 448 px, ``in_channels=768, in_h=32, in_w=32,
    out_channels=1024, mix_depth=2, out_rows=4``.

    Args:
        in_channels: C, the channels of the feature map.
        in_h: H, the height of the map; the layers fit no other.
        in_w: W, the width of the map.
        out_channels: Channels after the reduction.
        mix_depth: Number of perceptrons.
        mlp_ratio: Width of their hidden layers as a multiple of H * W.
        out_rows: Locations after the reduction.

    Raises:
        ConfigError: If an argument is not positive.
    """

    def __init__(
        self,
        in_channels: int = 1024,
        in_h: int = 20,
        in_w: int = 20,
        out_channels: int = 512,
        mix_depth: int = 4,
        mlp_ratio: float = 1,
        out_rows: int = 4,
    ) -> None:
        super().__init__()
        sizes = (in_channels, in_h, in_w, out_channels, mix_depth, int(in_h * in_w * mlp_ratio))
        if min(*sizes, out_rows) <= 0:
            raise ConfigError(
                f"MixVPR: in_channels={in_channels}, in_h={in_h}, in_w={in_w}, "
                f"out_channels={out_channels}, mix_depth={mix_depth}, mlp_ratio={mlp_ratio} and "
                f"out_rows={out_rows} must be positive."
            )
        self.map_size = (in_h, in_w)
        locations = in_h * in_w
        self.mix = nn.Sequential(*(FeatureMixer(locations, mlp_ratio) for _ in range(mix_depth)))
        self.channel_proj = nn.Linear(in_channels, out_channels)
        self.row_proj = nn.Linear(locations, out_rows)

    def forward(self, features: Tensor) -> Tensor:
        """Return unit vectors ``[N, out_channels * out_rows]`` of a map ``[N, C, in_h, in_w]``.

        They are at least float32, also inside autocast.

        Raises:
            ValueError: If ``features`` has another shape.
        """
        check_feature_map("MixVPR", features, self.channel_proj.in_features)
        if features.shape[2:] != self.map_size:
            height, width = features.shape[2:]
            raise ValueError(
                f"MixVPR was built for maps of {self.map_size[0]} x {self.map_size[1]}, got "
                f"{height} x {width}; set in_h={height}, in_w={width}."
            )
        channels = self.channel_proj(self.mix(features.flatten(2)).transpose(1, 2))
        reduced = self.row_proj(channels.transpose(1, 2))  # [N, out_channels, out_rows]
        with full_precision(reduced) as (reduced,):
            return F.normalize(reduced.flatten(1), dim=1)
