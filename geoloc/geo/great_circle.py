"""Great circles on tensors of positions: distances, and steps of so many metres."""

import math

import torch
from torch import Tensor

RADIUS_KM = 6371.0
METRES_PER_DEGREE = 1000 * RADIUS_KM * math.pi / 180
_SMALLEST_PARALLEL = 1e-6  # of the equator: at a pole any step leads to any longitude


def great_circle_km(latlon_a: Tensor, latlon_b: Tensor) -> Tensor:
    """Return the haversine distances between all positions of two lists.

    Args:
        latlon_a: (lat, lon) ``[N, 2]`` in degrees; float64 for distances below 100 m.
        latlon_b: (lat, lon) ``[M, 2]`` in degrees.

    Returns:
        Kilometres ``[N, M]`` on the sphere of radius 6371 km, within 0.56 % of the geodesic.
    """
    a, b = torch.deg2rad(latlon_a)[:, None], torch.deg2rad(latlon_b)[None]
    lat, lon = (torch.sin((b - a) / 2) ** 2).unbind(-1)
    squared_chord = lat + torch.cos(a[..., 0]) * torch.cos(b[..., 0]) * lon
    return 2 * RADIUS_KM * torch.asin(squared_chord.clamp(0, 1).sqrt())


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
