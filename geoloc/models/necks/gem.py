"""Generalised-mean pooling."""

import math

import torch
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.losses.precision import full_precision
from geoloc.models.necks.feature_map import check_feature_map
from geoloc.registry import NECKS


@NECKS.register_module()
class GeM(nn.Module):
    r"""Generalised-mean pooling with a learned exponent (Radenovic et al., 2019, Eq. 3).

    .. math::
        g_c = \Bigl(\frac{1}{HW} \sum_{h,w} \max(x_{chw}, \epsilon)^{p_c}\Bigr)^{1 / p_c}

    p = 1 is average pooling, a large p approaches max pooling.

    Args:
        p: Start value of the exponent.
        channels: C for one exponent per channel (RK-Net); by default all channels share one.
        eps: :math:`\epsilon`; features below it count as it.

    Raises:
        ConfigError: If an argument is not positive.
    """

    def __init__(self, p: float = 3.0, channels: int | None = None, eps: float = 1e-6) -> None:
        super().__init__()
        if min(p, eps, 1 if channels is None else channels) <= 0:
            raise ConfigError(f"GeM: p={p}, channels={channels} and eps={eps} must be positive.")
        self.channels = channels
        self.eps = eps
        self.p = nn.Parameter(torch.full((channels or 1,), float(p)))

    def forward(self, features: Tensor) -> Tensor:
        """Return the pooled features ``[N, C]``, at least float32, of a map ``[N, C, H, W]``.

        Raises:
            ValueError: If ``features`` has another shape.
        """
        check_feature_map("GeM", features, self.channels)
        with full_precision(features, self.p) as (features, p):
            # In the log domain no power overflows, whatever p becomes.
            logarithms = p[:, None] * features.flatten(2).clamp(min=self.eps).log()
            mean = torch.logsumexp(logarithms, dim=2) - math.log(logarithms.shape[2])
            return torch.exp(mean / p)
