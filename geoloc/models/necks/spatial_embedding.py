"""Spatial embedding: what is where in a feature map, summed with learned maps of positions."""

import torch
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.losses.precision import full_precision
from geoloc.models.necks.feature_map import check_feature_map
from geoloc.registry import NECKS

WEIGHT_DEVIATION, BIAS = 0.005, 0.1


class PositionMaps(nn.Module):
    r"""Maps of positions from the mean activation: the spatial attention of SAFA.

    With the mean over the channels :math:`v \in \mathbb{R}^P` of the P positions, map d is

    .. math::
        w_d = (v W^{(1)}_d + b^{(1)}_d) W^{(2)}_d + b^{(2)}_d

    with a hidden width of P / 2 and no activation between the two (Shi et al., SAFA, NeurIPS 2019;
    the official code starts weights truncated normal with deviation 0.005, biases at 0.1).

    Args:
        positions: P, rows times columns of the feature map.
        num_maps: D.

    Raises:
        ConfigError: If an argument is too small.
    """

    def __init__(self, positions: int, num_maps: int) -> None:
        super().__init__()
        if positions < 2 or num_maps < 1:
            raise ConfigError(
                f"spatial embedding: positions={positions} must be at least 2 and "
                f"num_maps={num_maps} at least 1."
            )
        hidden = positions // 2
        self.weight_1 = nn.Parameter(torch.empty(num_maps, positions, hidden))
        self.bias_1 = nn.Parameter(torch.full((num_maps, hidden), BIAS))
        self.weight_2 = nn.Parameter(torch.empty(num_maps, hidden, positions))
        self.bias_2 = nn.Parameter(torch.full((num_maps, positions), BIAS))
        for weight in (self.weight_1, self.weight_2):
            deviation = WEIGHT_DEVIATION
            nn.init.trunc_normal_(weight, std=deviation, a=-2 * deviation, b=2 * deviation)

    def forward(self, features: Tensor) -> Tensor:
        """Return the maps ``[N, D, P]``, rows of positions one after the other, of ``[N, C, P]``.

        Raises:
            ValueError: If the feature map has another number of positions.
        """
        positions = self.bias_2.shape[1]
        if features.shape[2] != positions:
            raise ValueError(
                f"the spatial embedding was built for {positions} positions, the feature map has "
                f"{features.shape[2]}; set positions to rows times columns of the feature map."
            )
        mean = features.mean(dim=1)
        hidden = torch.einsum("np,dph->ndh", mean, self.weight_1) + self.bias_1
        return torch.einsum("ndh,dhp->ndp", hidden, self.weight_2) + self.bias_2


@NECKS.register_module()
class SpatialEmbedding(nn.Module):
    r"""Aggregate a feature map by D maps of positions (SAFA, Shi et al., NeurIPS 2019).

    The output is the concatenation over d of :math:`\sum_p F_p\, w_{d,p}` with the maps of
    :class:`PositionMaps`. A ``NormalizeHead`` makes a descriptor of it.

    Args:
        positions: P, rows times columns of the feature map.
        num_maps: D; the output has D * C dimensions.

    Raises:
        ConfigError: If an argument is too small.
    """

    def __init__(self, positions: int, num_maps: int = 8) -> None:
        super().__init__()
        self.maps = PositionMaps(positions, num_maps)

    def forward(self, features: Tensor) -> Tensor:
        """Return ``[N, D * C]``, map by map, at least float32, of a map ``[N, C, H, W]``.

        Raises:
            ValueError: If ``features`` has another shape.
        """
        check_feature_map("SpatialEmbedding", features)
        with full_precision(features) as (features,):
            return embed_positions(features, self.maps).flatten(1)


def embed_positions(features: Tensor, maps: nn.Module) -> Tensor:
    """Return the sums over the positions ``[N, D, C]`` of a feature map ``[N, C, H, W]``.

    Args:
        features: The map.
        maps: A :class:`PositionMaps`.
    """
    flat = features.flatten(2)
    return torch.einsum("ncp,ndp->ndc", flat, maps(flat))
