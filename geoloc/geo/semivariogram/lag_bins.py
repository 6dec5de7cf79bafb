"""Bins of distance: half-open intervals [e_k, e_{k+1}) in kilometres."""

import torch
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.geo.great_circle import HALF_CIRCUMFERENCE_KM

BINNINGS = ("log", "uniform", "linear")
CAMPUS_KM = 2.0  # places of different campuses are far more than that apart


def log_edges(bins: int = 40, first_km: float = 1.0, last_km: float | None = None) -> Tensor:
    """Return edges whose widths grow with the distance, for data of the whole globe.

    Inferred default: ``[0]`` and 40 edges from 1 km to half the Earth's circumference.

    Args:
        bins: K.
        first_km: Upper edge of the first bin, which begins at 0.
        last_km: Last edge; None for half the circumference.

    Returns:
        Float64 ``[K + 1]`` in kilometres.

    Raises:
        ConfigError: If there is no bin or the edges do not ascend.
    """
    last_km = HALF_CIRCUMFERENCE_KM if last_km is None else last_km
    _check(bins, 2, first_km, last_km)
    exponents = torch.linspace(0, 1, bins, dtype=torch.float64)
    return torch.cat(
        [torch.zeros(1, dtype=torch.float64), first_km * (last_km / first_km) ** exponents]
    )


def linear_edges(bins: int, last_km: float) -> Tensor:
    """Return edges of equal distance from 0, as the thesis has them (3142 bins of 0.001 rad).

    Args:
        bins: K.
        last_km: Last edge.

    Returns:
        Float64 ``[K + 1]`` in kilometres.

    Raises:
        ConfigError: If there is no bin or the edges do not ascend.
    """
    _check(bins, 1, 0.0, last_km)
    return torch.linspace(0, last_km, bins + 1, dtype=torch.float64)


def uniform_edges(lag_km: Tensor, bins: int = 20) -> Tensor:
    """Return edges between which about equally many pairs lie, for the scale of a campus.

    Args:
        lag_km: The distances of all pairs, ``[P]``; the farthest pair is in the last bin.
        bins: K.

    Returns:
        Float64 ``[K + 1]`` in kilometres, from 0.

    Raises:
        ConfigError: If there are fewer pairs than bins, or most pairs are at one distance.
    """
    if bins < 1 or len(lag_km) < bins:
        raise ConfigError(
            f"{len(lag_km)} pairs of places do not fill {bins} bins of distance; give more places, "
            "a larger maximum distance, or fewer bins"
        )
    # torch.quantile stops at 16 million values
    ordered = lag_km.double().sort().values
    position = torch.linspace(0, len(ordered) - 1, bins + 1, dtype=torch.float64)
    below = position.floor().long()
    above = (below + 1).clamp(max=len(ordered) - 1)
    edges = torch.lerp(ordered[below], ordered[above], position - below)
    edges[0] = 0.0
    edges[-1] = torch.nextafter(edges[-1], edges.new_tensor(torch.inf))
    if not bool((edges.diff() > 0).all()):
        raise ConfigError(
            f"so many pairs of places are at the same distance that {bins} bins of equal count do "
            "not exist; use fewer bins or bins of equal width"
        )
    return edges


def lag_edges(
    binning: str, lag_km: Tensor, bins: int | None = None, max_km: float | None = None
) -> Tensor:
    """Return the edges of a kind of bins, with defaults for what is None.

    Args:
        binning: ``'log'``: 40 bins over the globe; ``'uniform'``: 15 bins of equal count within 2
            km, the size of a campus; ``'linear'``: 20 bins of equal width up to the farthest pair.
        lag_km: Distances of all pairs ``[P]``.
        bins: K.
        max_km: Largest distance that counts.

    Raises:
        ConfigError: If the kind is unknown or its bins cannot be made.
    """
    if binning == "log":
        return log_edges(bins or 40, last_km=max_km)
    if binning == "uniform":
        return uniform_edges(lag_km[lag_km <= (max_km or CAMPUS_KM)], bins or 15)
    if binning == "linear":
        farthest = float(lag_km.max()) if len(lag_km) else 0.0
        return linear_edges(bins or 20, max_km or farthest * (1 + 1e-12))
    raise ConfigError(f"binning={binning!r} must be one of {', '.join(BINNINGS)}.")


def _check(bins: int, least: int, first_km: float, last_km: float) -> None:
    if bins < least:
        raise ConfigError(f"bins={bins} must be at least {least}")
    if not 0 <= first_km < last_km:
        raise ConfigError(f"edges of bins must ascend, got {first_km:g} km to {last_km:g} km")
