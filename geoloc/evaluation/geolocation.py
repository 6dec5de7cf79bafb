"""Global geolocation: everything that is measured of predicted positions."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from geoloc.evaluation.area_accuracy import area_hits
from geoloc.evaluation.bootstrap import Bootstrap, Sample, interval
from geoloc.evaluation.geoscore import Measure, error_km, geolocation_statistics
from geoloc.evaluation.task_result import Columns, TaskResult
from geoloc.geo.continents import continent_of
from geoloc.geo.sphere_index import SphereIndex

AREA_ORDER = ("country", "region", "sub-region", "city")
AreaNames = Mapping[str, NDArray[np.str_]]


class Truth(NamedTuple):
    """What is known of the photos.

    Attributes:
        latlon: (lat, lon) ``[Q, 2]`` in degrees.
        areas: Names of the areas ``[Q]`` by level; empty for photos without.
    """

    latlon: NDArray[np.float64]
    areas: AreaNames


def evaluate_geolocation(
    predicted: ArrayLike,
    truth: Truth,
    measure: Measure,
    *,
    predicted_areas: AreaNames | None = None,
    strict_official: bool = False,
    by_continent: bool = False,
    gallery: ArrayLike | None = None,
    resamples: int = 1000,
) -> TaskResult:
    """Measure predicted positions.

    Args:
        predicted: (lat, lon) ``[Q, 2]`` in degrees, the best guess for every photo.
        truth: Where they were taken.
        measure: How errors are measured and compared.
        predicted_areas: Areas of the predictions; adds ``area/<level>``, for the levels that the
            truth has, too.
        strict_official: See :func:`area_hits`.
        by_continent: Adds ``<continent>/<metric>``; the truth must have countries.
        gallery: (lat, lon) ``[G, 2]`` that predictions were chosen from; adds ``oracle/<metric>``,
            that of the gallery position nearest to every photo, which no retrieval can beat by
            much (nearest on the sphere).
        resamples: Replicates of the bootstrap over photos; 0 for no intervals.

    Returns:
        The metrics of :func:`geolocation_statistics` and these, and the number of ``photos``.

    Raises:
        CoordinateError: If a row is not a position on Earth.
    """
    error = error_km(predicted, truth.latlon, measure.distance)
    columns = {"error_km": error}
    for level in AREA_ORDER if predicted_areas is not None else ():
        if predicted_areas and level in predicted_areas and level in truth.areas:
            hits = area_hits(predicted_areas[level], truth.areas[level], strict_official)
            columns[f"area/{level}"] = hits
    if by_continent:
        columns |= _by_continent(error, truth.areas["country"])
    if gallery is not None:
        nearest = np.asarray(gallery)[SphereIndex(gallery).nearest(truth.latlon).row[:, 0]]
        columns["oracle/error_km"] = error_km(nearest, truth.latlon, measure.distance)
    tensors = {name: torch.from_numpy(values) for name, values in columns.items()}
    metrics = _summarise(tensors, Sample(), measure.inclusive)
    intervals = {}
    if resamples:
        draws = Bootstrap(torch.arange(len(error)), resamples)
        replicates = _summarise(tensors, draws, measure.inclusive)
        intervals = {name: interval(values) for name, values in replicates.items()}
    counts = {"photos": len(error)}
    return TaskResult(metrics | counts, intervals, tensors, np.arange(len(error)))


def _by_continent(
    error: NDArray[np.float64], countries: NDArray[np.str_]
) -> dict[str, NDArray[np.float64]]:
    """Return the errors in km on every continent, NaN for photos that are not there."""
    codes, which = np.unique(countries, return_inverse=True)
    continent = np.array([continent_of(code) or "elsewhere" for code in codes.tolist()])[which]
    return {
        f"{name}/error_km": np.where(continent == name, error, np.nan)
        for name in np.unique(continent).tolist()
    }


def _summarise(columns: Columns, statistics: Any, inclusive: bool) -> dict[str, Any]:
    summary = {}
    for name, values in columns.items():
        if name.startswith("area/"):
            summary[name] = 100 * statistics.mean(values)
        else:
            prefix = name.removesuffix("error_km")
            found = geolocation_statistics(values, statistics, inclusive)
            summary |= {prefix + metric: value for metric, value in found.items()}
    return summary
