"""The Equal Earth projection (Šavrič, Patterson and Jenny, 2019), differentiable and in torch."""

import math

import torch
from torch import Tensor

A1, A2, A3, A4 = 1.340264, -0.081106, 0.000893, 0.003796
HALF_SQRT3 = math.sqrt(3) / 2
SCALE = 66.50336 / 180  # of GeoCLIP (known): x then spans [-1, 1]


def equal_earth(latlon: Tensor) -> Tensor:
    r"""Project positions onto the plane, scaled as in GeoCLIP.

    With :math:`\sin\theta = \tfrac{\sqrt 3}{2}\sin\phi`,

    .. math::
        x = \frac{2\sqrt 3\,\lambda\cos\theta}
                 {3\,(9A_4\theta^8 + 7A_3\theta^6 + 3A_2\theta^2 + A_1)}, \quad
        y = A_4\theta^9 + A_3\theta^7 + A_2\theta^3 + A_1\theta.

    A map has edges: longitudes 180 and -180 are its opposite ends, and a pole is a line of half
    the equator's length with a point for every longitude.

    Args:
        latlon: (lat, lon) ``[..., 2]`` in degrees, float32 or float64.

    Returns:
        (x, y) ``[..., 2]`` of the same dtype, x within [-1, 1] and y within [-0.487, 0.487].
    """
    lat, lon = torch.deg2rad(latlon).unbind(-1)
    theta = torch.asin(HALF_SQRT3 * torch.sin(lat))
    square = theta * theta
    sixth = square**3
    slope = 9 * A4 * sixth * square + 7 * A3 * sixth + 3 * A2 * square + A1
    x = 4 / 3 * HALF_SQRT3 * lon * torch.cos(theta) / slope
    y = theta * (A4 * sixth * square + A3 * sixth + A2 * square + A1)
    return torch.stack([x, y], dim=-1) * SCALE


def unit_sphere(latlon: Tensor) -> Tensor:
    """Return positions as points of the unit sphere, which has no edges.

    Args:
        latlon: (lat, lon) ``[..., 2]`` in degrees, float32 or float64.

    Returns:
        (x, y, z) ``[..., 3]`` of the same dtype; z points north, x to longitude 0.
    """
    lat, lon = torch.deg2rad(latlon).unbind(-1)
    parallel = torch.cos(lat)
    return torch.stack(
        [parallel * torch.cos(lon), parallel * torch.sin(lon), torch.sin(lat)], dim=-1
    )
