"""Positions on Earth: WGS-84 (lat, lon) in degrees, checked before anything is computed."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoloc.errors import CoordinateError


def coordinate_fault(latlon: NDArray[np.float64]) -> tuple[int, str] | None:
    """Return the first row of ``latlon [N,2]`` that is no position, and why; None if all are."""
    bad = ~((np.abs(latlon[:, 0]) <= 90.0) & (np.abs(latlon[:, 1]) <= 180.0))  # True for NaN too
    if not bad.any():
        return None
    row = int(np.flatnonzero(bad)[0])
    lat, lon = (float(value) for value in latlon[row])
    if not (np.isfinite(lat) and np.isfinite(lon)):
        reason = f"lat={lat!r} lon={lon!r} is not a finite position in degrees"
    elif abs(lat) > 90.0 and abs(lon) <= 90.0 and abs(lat) <= 180.0:
        reason = f"lat={lat!r} is outside [-90, 90]; ({lat!r}, {lon!r}) looks like (lon, lat)"
    elif abs(lat) > 90.0:
        reason = f"lat={lat!r} is outside [-90, 90] degrees"
    else:
        reason = f"lon={lon!r} is outside [-180, 180] degrees"
    return row, reason


def check_latlon(latlon: ArrayLike, where: str | None = None) -> NDArray[np.float64]:
    """Return ``latlon`` as float64 ``[N,2]`` after checking every position.

    Args:
        latlon: (lat, lon) rows ``[N,2]`` in degrees.
        where: What the rows are, for the message; a file or an argument name.

    Raises:
        CoordinateError: If the shape is not ``[N,2]``, or a row is not finite, out of range or
            has its coordinates swapped; the message names the row (0-based) and its value.
    """
    prefix = f"{where}: " if where else ""
    try:
        rows = np.asarray(latlon, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise CoordinateError(f"{prefix}(lat, lon) rows must be numbers: {error}") from None
    if rows.ndim != 2 or rows.shape[1] != 2:
        raise CoordinateError(f"{prefix}expected (lat, lon) rows [N,2], got shape {rows.shape}")
    fault = coordinate_fault(rows)
    if fault is not None:
        row, reason = fault
        raise CoordinateError(f"{prefix}row {row}: {reason}")
    return rows
