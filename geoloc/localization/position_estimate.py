"""Where a photo was taken, from the positions of what was found for it."""

import numpy as np
from numpy.typing import NDArray

from geoloc.errors import ConfigError
from geoloc.geo.ellipsoid import EQUATORIAL_RADIUS_M
from geoloc.geo.unit_sphere import latlon_of, unit_vectors

Array = NDArray[np.float64]

METHODS = ("median", "top1")
TEMPERATURE = 0.05  # a place that scores this much less counts 1 / e
ROUNDS = 100
PRECISION = 1e-12  # of the sphere's radius: 6 micrometres


def check_method(method: str) -> None:
    """Refuse an estimate that does not exist.

    Raises:
        ConfigError: If the method is not among ``METHODS``.
    """
    if method not in METHODS:
        raise ConfigError(f"estimate={method!r} must be one of {', '.join(METHODS)}")


def estimated_position(
    latlon: Array, scores: NDArray[np.float32], method: str = "median"
) -> tuple[float, float]:
    """Return the probable position of a photo.

    ``top1`` is the position of the best place. ``median`` is the weighted geometric median of all:
    the point x of space with the smallest ``sum_i w_i |x - p_i|``, projected to the sphere. The p_i
    are the places as unit vectors, ``w_i = exp((s_i - s_1) / 0.05)`` their weights. It is found by
    Weiszfeld's iteration from the best place of the k. As a mean it averages places that agree; as
    a median it stays near most of the weight however far the others are, and at the best place if
    that weighs as much as all others. Unit vectors have neither an antimeridian nor poles.

    Args:
        latlon: Places in degrees, the best first, ``[k, 2]``.
        scores: Their scores, ``[k]``.
        method: ``median`` or ``top1``.

    Returns:
        (lat, lon) in degrees.

    Raises:
        ConfigError: If there is no such method.
    """
    check_method(method)
    if method == "top1" or len(latlon) == 1:
        return float(latlon[0, 0]), float(latlon[0, 1])
    points, weights = unit_vectors(latlon), score_weights(scores)
    start = _best_of(points, weights)
    if _is_median(points, weights, start):
        return float(latlon[start, 0]), float(latlon[start, 1])
    x = _weiszfeld(points, weights, start)
    lat, lon = latlon_of(x[None])[0].tolist()
    return lat, lon


def score_weights(scores: NDArray[np.float32]) -> Array:
    """Return the weights ``exp((s_i - s_1) / 0.05)`` over their sum, ``[k]``."""
    weights = np.exp((scores.astype(np.float64) - float(scores.max())) / TEMPERATURE)
    return np.asarray(weights / weights.sum())


def spread_m(latlon: Array, scores: NDArray[np.float32], estimate: tuple[float, float]) -> float:
    """Return the weighted mean distance in metres of the places from the estimate, by chords."""
    chords = np.linalg.norm(unit_vectors(latlon) - unit_vectors(np.array([estimate])), axis=1)
    return float(EQUATORIAL_RADIUS_M * (score_weights(scores) @ chords))


def _best_of(points: Array, weights: Array) -> int:
    """Return which of the points has the smallest weighted sum of distances."""
    between = np.linalg.norm(points[:, None] - points[None], axis=2)
    return int(np.argmin(between @ weights))


def _is_median(points: Array, weights: Array, number: int) -> bool:
    """Return whether no direction away from one of the points lowers the sum of distances."""
    away = points - points[number]
    length = np.linalg.norm(away, axis=1)
    others = length > PRECISION
    pull = (weights[others] / length[others]) @ away[others]
    return bool(np.linalg.norm(pull) <= weights[~others].sum())


def _weiszfeld(points: Array, weights: Array, start: int) -> Array:
    """Iterate from just beside the best point, at which the iteration would stand still."""
    away = points - points[start]
    length = np.linalg.norm(away, axis=1)
    others = length > PRECISION
    pull = (weights[others] / length[others]) @ away[others]
    step = (np.linalg.norm(pull) - weights[~others].sum()) / (
        weights[others] / length[others]
    ).sum()
    x = points[start] + step * pull / np.linalg.norm(pull)
    for _ in range(ROUNDS):
        inverse = weights / np.maximum(np.linalg.norm(points - x, axis=1), PRECISION)
        following = inverse @ points / inverse.sum()
        moved = np.linalg.norm(following - x)
        x = following
        if moved < PRECISION:
            break
    return np.asarray(x)
