"""How far the best-ranked places are from the true position."""

from collections.abc import Sequence

import torch
from torch import Tensor

from geoloc.evaluation.bootstrap import Sample, Statistics, T

RADII_M = (25, 50, 100, 200)
SDM_SCALE_M = 22.24  # 1 / 5000 of a degree of latitude


def localization_error_summary(
    error_m: Tensor, radii_m: Sequence[float] = RADII_M
) -> dict[str, float]:
    """Summarise the distances between the true positions and the best-ranked places.

    Args:
        error_m: Distances in metres ``[Q]``, one per query.
        radii_m: Radii in metres for the shares.

    Returns:
        ``median_m`` and ``mean_m`` in metres, ``within_<r>m`` in percent (distance <= r).

    Raises:
        ValueError: If there is no error, or one is negative or not finite.
    """
    if error_m.ndim != 1 or not len(error_m):
        raise ValueError(f"error_m must be [Q] with Q >= 1, got {list(error_m.shape)}.")
    if not bool((error_m.isfinite() & (error_m >= 0)).all()):
        raise ValueError("error_m must be finite distances >= 0 in metres.")
    return localization_statistics(error_m, Sample(), radii_m)


def localization_statistics(
    error_m: Tensor, statistics: Statistics[T], radii_m: Sequence[float] = RADII_M
) -> dict[str, T]:
    """Return what :func:`localization_error_summary` does, of a sample or of its replicates.

    Args:
        error_m: As there.
        statistics: ``Sample`` or ``Bootstrap``.
        radii_m: As there.
    """
    error = error_m.double()
    summary = {"median_m": statistics.median(error), "mean_m": statistics.mean(error)}
    for radius in radii_m:
        summary[f"within_{radius:g}m"] = 100 * statistics.mean((error <= radius).double())
    return summary


def spatial_distance_metric(distance: Tensor, scale: float = SDM_SCALE_M) -> Tensor:
    r"""Return SDM@K per query: how near the first K results are (DenseUAV, Dai et al., 2024).

    .. math::
        \mathrm{SDM@}K = \frac{\sum_k w_k e^{-d_k / s}}{\sum_k w_k}, \qquad w_k = K - k + 1

    The official code takes Euclidean distances of longitude and latitude in degrees with
    s = 1 / 5000, which shortens nothing towards the poles; in metres that s is 22.24.

    Args:
        distance: Distances d between the true position and the K first results, best first,
            ``[Q, K]``, in metres.
        scale: s, in the unit of the distances.

    Returns:
        float64 ``[Q]`` in 0 ... 1.

    Raises:
        ValueError: If the distances are not ``[Q, K]`` or one is negative or not finite.
    """
    distance = distance.double()
    if distance.ndim != 2 or not distance.shape[1]:
        raise ValueError(f"distance must be [Q, K] with K >= 1, got {list(distance.shape)}.")
    if not bool((distance.isfinite() & (distance >= 0)).all()):
        raise ValueError("distance must hold finite distances >= 0.")
    depth = distance.shape[1]
    weight = torch.arange(depth, 0, -1, dtype=torch.float64, device=distance.device)
    return (weight * torch.exp(-distance / scale)).sum(dim=1) / weight.sum()
