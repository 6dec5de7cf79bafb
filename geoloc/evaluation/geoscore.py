"""How far predictions are from the truth on a globe: errors in km, GeoScore, shares within radii.

Known from official code: OSV5M measures on the sphere of radius 6371 km and counts errors strictly
below a radius; GeoCLIP measures on the WGS-84 ellipsoid and counts the radius itself, too.
"""

from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.evaluation.bootstrap import Statistics, T
from geoloc.geo import geodesic_distance_of_pairs
from geoloc.geo.ellipsoid import MEAN_RADIUS_M
from geoloc.geo.great_circle import RADIUS_KM

RADII_KM = (1, 25, 200, 750, 2500)  # street, city, region, country, continent
SCORE_MAX, SCORE_SCALE_KM = 5000.0, 1492.7


class Measure(NamedTuple):
    """How an error is measured and compared.

    Attributes:
        distance: ``haversine`` (sphere of radius 6371 km) or ``geodesic`` (WGS-84 ellipsoid).
        inclusive: Whether an error equal to a radius is within it.
    """

    distance: Literal["haversine", "geodesic"]
    inclusive: bool


PRESETS = {
    "geoloc": Measure("haversine", inclusive=True),
    "osv5m": Measure("haversine", inclusive=False),
    "geoclip": Measure("geodesic", inclusive=True),
}


def measure_of(preset: str) -> Measure:
    """Return the measure of a preset.

    Raises:
        ConfigError: If there is none of that name.
    """
    if preset not in PRESETS:
        raise ConfigError(f"preset={preset!r} must be one of {', '.join(PRESETS)}")
    return PRESETS[preset]


def error_km(
    predicted: ArrayLike, true: ArrayLike, distance: Literal["haversine", "geodesic"] = "haversine"
) -> NDArray[np.float64]:
    """Return the distance of every prediction from the truth in km, float64 ``[Q]``.

    The haversine is clamped: the official code gives NaN for some antipodes.

    Args:
        predicted: (lat, lon) ``[Q, 2]`` in degrees.
        true: (lat, lon) ``[Q, 2]`` in degrees.
        distance: See :class:`Measure`.

    Raises:
        CoordinateError: If a row is not a position on Earth.
        ConfigError: If there is no such distance.
    """
    metres = geodesic_distance_of_pairs(predicted, true, distance)
    return metres * (RADIUS_KM / MEAN_RADIUS_M if distance == "haversine" else 1e-3)


def geoscore(error_km: Tensor) -> Tensor:
    """Return the score of errors in km ``[Q]``: 5000 exp(-km / 1492.7), in 0 .. 5000."""
    return SCORE_MAX * torch.exp(-error_km.double() / SCORE_SCALE_KM)


def within_km(error_km: Tensor, radius_km: float, inclusive: bool) -> Tensor:
    """Return 1 where an error in km ``[Q]`` is within the radius, else 0; float64 ``[Q]``."""
    inside = error_km <= radius_km if inclusive else error_km < radius_km
    return inside.double()


def geolocation_statistics(
    error_km: Tensor, statistics: Statistics[T], inclusive: bool
) -> dict[str, T]:
    """Summarise errors.

    Args:
        error_km: Errors in km ``[Q]``, NaN for those to leave out.
        statistics: ``Sample`` or ``Bootstrap``.
        inclusive: See :class:`Measure`.

    Returns:
        ``GeoScore`` (mean of the scores), ``error/mean_km``, ``error/median_km`` and
        ``Acc@<r>km`` in percent.
    """
    left_out = error_km.isnan()
    summary = {
        "GeoScore": statistics.mean(geoscore(error_km)),
        "error/mean_km": statistics.mean(error_km),
        "error/median_km": statistics.median(error_km),
    }
    for radius in RADII_KM:
        inside = within_km(error_km, radius, inclusive).masked_fill(left_out, torch.nan)
        summary[f"Acc@{radius}km"] = 100 * statistics.mean(inside)
    return summary
