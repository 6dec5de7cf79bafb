"""NetVLAD: residuals to learned centres, summed with soft assignments."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.losses.precision import full_precision
from geoloc.models.necks.feature_map import check_feature_map
from geoloc.registry import NECKS

# Shorter vectors are not stretched to length 1: the gradient of a location without any activation,
# or of a cluster without members, would be multiplied by the inverse of its length.
SHORTEST = 1e-6


@NECKS.register_module()
class NetVLAD(nn.Module):
    r"""NetVLAD (Arandjelovic et al., 2016, Eq. 4), as in CVM-Net (Hu et al., 2018).

    With the L2-normalised features :math:`x_i` of the locations i and the soft assignment
    :math:`a_{ik} = \mathrm{softmax}_k(w_k^\top x_i + b_k)`,

    .. math::
        V_k = \sum_i a_{ik} x_i - \Bigl(\sum_i a_{ik}\Bigr) c_k

    every :math:`V_k` is normalised (intra-normalisation), then their concatenation.

    Parameters are named as PyTorch implementations commonly do (``conv``, ``centroids``). They
    start normal with standard deviation :math:`C^{-1/2}`, which gives centres about the length of
    the features.

    Args:
        in_channels: C, the channels of the feature map.
        num_clusters: K; the output has K * C dimensions.

    Raises:
        ConfigError: If an argument is not positive.
    """

    def __init__(self, in_channels: int, num_clusters: int = 64) -> None:
        super().__init__()
        if min(in_channels, num_clusters) <= 0:
            raise ConfigError(
                f"NetVLAD: in_channels={in_channels} and num_clusters={num_clusters} must be "
                "positive."
            )
        deviation = in_channels**-0.5
        self.conv = nn.Conv2d(in_channels, num_clusters, kernel_size=1)
        nn.init.normal_(self.conv.weight, std=deviation)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]
        self.centroids = nn.Parameter(torch.randn(num_clusters, in_channels) * deviation)

    def forward(self, features: Tensor) -> Tensor:
        """Return the unit vectors ``[N, K * C]``, at least float32, of a map ``[N, C, H, W]``.

        Raises:
            ValueError: If ``features`` has another shape.
        """
        check_feature_map("NetVLAD", features, self.centroids.shape[1])
        with full_precision(features, self.centroids) as (features, centroids):
            unit = F.normalize(features, dim=1, eps=SHORTEST)
            assignment = self.conv(unit).flatten(2).softmax(dim=1)  # [N, K, HW]
            sums = assignment @ unit.flatten(2).transpose(1, 2)  # [N, K, C]
            residuals = sums - assignment.sum(dim=2, keepdim=True) * centroids
            intra = F.normalize(residuals, dim=2, eps=SHORTEST)
            return F.normalize(intra.flatten(1), dim=1, eps=SHORTEST)
