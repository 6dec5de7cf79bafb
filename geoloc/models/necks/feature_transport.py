"""Feature transport: move the features of one view to where the other view has them."""

import torch
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.losses.precision import full_precision
from geoloc.models.necks.feature_map import check_feature_map
from geoloc.registry import NECKS

COST_SCALE = -100.0


def sinkhorn(log_plan: Tensor, iterations: int = 20) -> Tensor:
    """Return a plan whose rows and columns sum to 1, by alternating normalisation.

    Rows come first in every iteration, so that after the last one the columns sum to 1 exactly
    (Sinkhorn and Knopp, 1967, in the logarithmic domain).

    Args:
        log_plan: Logarithms of any positive plan, ``[..., P, P]``.
        iterations: Number of times that rows and columns are normalised.

    Returns:
        The plan ``[..., P, P]``.
    """
    for _ in range(iterations):
        log_plan = log_plan - log_plan.logsumexp(dim=-1, keepdim=True)
        log_plan = log_plan - log_plan.logsumexp(dim=-2, keepdim=True)
    return log_plan.exp()


@NECKS.register_module()
class FeatureTransport(nn.Module):
    r"""Rearrange the positions of a feature map by a learned transport plan (CVFT).

    A 3 x 3 convolution of stride 2 reduces the map to ``channels``; bilinear resizing brings it to
    ``size``. With ``transport`` the positions are then rearranged: a 1 x 1 convolution and one
    linear layer give the cost of every pair of positions (its bias starts at the identity),
    :func:`sinkhorn` of -100 times the cost gives the plan T, and the output is the map times T
    (Shi et al., Optimal Feature Transport for Cross-View Image Geo-Localization, AAAI 2020). Only
    the ground branch is transported.

    Args:
        in_channels: Channels of the backbone's map.
        size: Rows and columns of the output.
        channels: Its channels.
        transport: Whether to rearrange; False for the satellite branch.
        iterations: Of :func:`sinkhorn`.

    Raises:
        ConfigError: If a number is not positive.
    """

    def __init__(
        self,
        in_channels: int,
        size: tuple[int, int] = (8, 8),
        channels: int = 64,
        transport: bool = True,
        iterations: int = 20,
    ) -> None:
        super().__init__()
        if min(in_channels, *size, channels, iterations) < 1:
            raise ConfigError(
                f"FeatureTransport: in_channels={in_channels}, size={size}, channels={channels} "
                f"and iterations={iterations} must be positive."
            )
        self.size = tuple(size)
        self.iterations = iterations
        self.reduce = nn.Conv2d(in_channels, channels, kernel_size=3, stride=2, padding=1)
        positions = size[0] * size[1]
        self.score = nn.Conv2d(channels, 1, kernel_size=1) if transport else None
        self.cost = nn.Linear(positions, positions**2) if transport else None
        if self.cost is not None:
            nn.init.trunc_normal_(self.cost.weight, std=0.005, a=-0.01, b=0.01)
            with torch.no_grad():
                self.cost.bias.copy_(torch.eye(positions).flatten())

    def forward(self, features: Tensor) -> Tensor:
        """Return ``[N, channels * rows * columns]``, at least float32, of a map ``[N, C, H, W]``.

        Raises:
            ValueError: If ``features`` has another shape.
        """
        check_feature_map("FeatureTransport", features, self.reduce.in_channels)
        with full_precision(features) as (features,):
            reduced = nn.functional.relu(self.reduce(features))
            if reduced.shape[2:] != self.size:
                reduced = nn.functional.interpolate(
                    reduced, self.size, mode="bilinear", align_corners=False
                )
            return self._transported(reduced).flatten(1)

    def _transported(self, reduced: Tensor) -> Tensor:
        if self.score is None or self.cost is None:
            return reduced
        positions = self.size[0] * self.size[1]
        cost = self.cost(self.score(reduced).flatten(1)).view(-1, positions, positions)
        plan = sinkhorn(COST_SCALE * cost, self.iterations)
        return reduced.flatten(2) @ plan
