"""Great circles on tensors of positions: distances, and steps of so many metres."""

import math

import torch
from torch import Tensor

RADIUS_KM = 6371.0
HALF_CIRCUMFERENCE_KM = math.pi * RADIUS_KM  # the largest distance on Earth
METRES_PER_DEGREE = 1000 * RADIUS_KM * math.pi / 180
_SMALLEST_PARALLEL = 1e-6  # of the equator: at a pole any step leads to any longitude


def great_circle_km(latlon_a: Tensor, latlon_b: Tensor) -> Tensor:
    """Return the haversine distance on the sphere of radius 6371 km.

    It is within 0.56 % of the geodesic on the ellipsoid, and unlike the arc cosine of a scalar
    product it stays exact below a metre.

    Args:
        latlon_a: (lat, lon) in degrees, floating ``[..., 2]``; float64 for distances below 100 m.
        latlon_b: The same, broadcastable: ``[N, 1, 2]`` and ``[M, 2]`` give ``[N, M]``.

    Returns:
        Kilometres, in the dtype of the positions.
    """
    lat_a, lon_a = latlon_a.deg2rad().unbind(-1)
    lat_b, lon_b = latlon_b.deg2rad().unbind(-1)
    across = lat_a.cos() * lat_b.cos() * ((lon_b - lon_a) / 2).sin().square()
    half_chord = (((lat_b - lat_a) / 2).sin().square() + across).clamp(0, 1).sqrt()
    return 2 * RADIUS_KM * half_chord.asin()


def step_metres(latlon: Tensor, north_east_m: Tensor) -> Tensor:
    """Return the positions so many metres to the north and to the east.

    A step ends at a pole instead of crossing it, and goes on at the other side of the antimeridian.

    Args:
        latlon: (lat, lon) ``[n, 2]`` in degrees.
        north_east_m: Metres ``[n, 2]`` along the meridian and along the parallel.
    """
    parallel = torch.cos(torch.deg2rad(latlon[:, :1])).clamp_min(_SMALLEST_PARALLEL)
    along = torch.cat([torch.ones_like(parallel), parallel], dim=1)
    return on_earth(latlon + north_east_m / METRES_PER_DEGREE / along)


def on_earth(latlon: Tensor) -> Tensor:
    """Return positions ``[n, 2]`` with latitudes clamped and longitudes wrapped, in degrees."""
    lat, lon = latlon.unbind(-1)
    inside = lon.abs() <= 180  # stays as it is to the last bit, 180 included
    wrapped = torch.where(inside, lon, torch.remainder(lon + 180, 360) - 180)
    return torch.stack([lat.clamp(-90, 90), wrapped], dim=-1)


def uniform_on_sphere(count: int) -> Tensor:
    """Draw positions (lat, lon) ``[count, 2]`` in degrees, float64, uniform by area."""
    across, along = (2 * torch.rand(count, 2, dtype=torch.float64) - 1).unbind(-1)
    return torch.stack([torch.rad2deg(torch.asin(across)), 180 * along], dim=-1)
