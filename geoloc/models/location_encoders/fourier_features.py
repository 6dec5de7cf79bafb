"""Random Fourier features (Rahimi and Recht, 2007; Tancik et al., 2020)."""

import math

import torch
from torch import Tensor, nn


class RandomFourierFeatures(nn.Module):
    r"""Map points v to :math:`[\cos 2\pi B v, \sin 2\pi B v]` with fixed random frequencies B.

    Args:
        sigma: Standard deviation of the entries of B: the spatial frequency, in periods per unit.
        in_dims: I, the dimensions of a point.
        num_frequencies: F.

    Attributes:
        b: The frequencies ``[F, I]``, saved with the weights but not trained.
    """

    b: Tensor

    def __init__(self, sigma: float, in_dims: int = 2, num_frequencies: int = 256) -> None:
        super().__init__()
        self.register_buffer("b", sigma * torch.randn(num_frequencies, in_dims))

    def forward(self, points: Tensor) -> Tensor:
        """Return the features ``[..., 2F]``, cosines first, of ``points [..., I]``.

        They have the dtype of ``b``. Phases reach thousands of radians, where half precision
        knows nothing of an angle: keep this out of autocast.
        """
        phase = 2 * math.pi * (points.to(self.b) @ self.b.T)
        return torch.cat([torch.cos(phase), torch.sin(phase)], dim=-1)
