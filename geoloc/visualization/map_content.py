"""What a map shows: answers in map coordinates, with their names, numbers and pictures."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoloc.localization.answer import Answer
from geoloc.visualization.projection import Projection, choose_projection
from geoloc.visualization.relevance_colours import metres, ring_of
from geoloc.visualization.thumbnail import PictureStore

Array = NDArray[np.float64]


def worst_first(answers: Iterable[Answer]) -> list[Answer]:
    """Return answers by falling error; those without a known error come last."""
    return sorted(answers, key=lambda answer: -1.0 if answer.error_m is None else answer.error_m)[
        ::-1
    ]


def places_on_map(answers: Iterable[Answer], depth: int) -> Array:
    """Return every (lat, lon) that a map of the answers shows ``[N, 2]``."""
    rows = [
        *(answer.position for answer in answers if answer.position is not None),
        *(answer.estimate for answer in answers if answer.estimate is not None),
        *(tuple(row) for answer in answers for row in answer.latlon[:depth].tolist()),
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def map_projection(answers: Sequence[Answer], depth: int, tiles: bool) -> Projection:
    """Return the projection for a map of some answers."""
    places = places_on_map(answers, depth)
    return choose_projection(places, tiles) if len(places) else Projection("local", 0.0, 0.0)


def map_content(
    answers: Sequence[Answer],
    projection: Projection,
    thresholds_m: Sequence[float],
    depth: int,
    pictures: PictureStore,
) -> list[dict[str, Any]]:
    """Return the photos of a map, in the given order.

    Args:
        answers: To show.
        projection: Of the map.
        thresholds_m: Radii of the rings, ascending.
        depth: Answers to show of every photo.
        pictures: Gets the pictures of the photos and of their answers.
    """
    names = short_names(answer.photo for answer in answers)
    images = short_names(file for answer in answers for file in answer.images)
    return [
        {"name": names[answer.photo]}
        | _photo(answer, projection, thresholds_m, pictures)
        | {"answers": _answers(answer, projection, thresholds_m, depth, pictures, images)}
        for answer in answers
    ]


def short_names(files: Iterable[Path]) -> dict[Path, str]:
    """Return files relative to the folder that they have in common."""
    every = set(files)
    folders = {os.path.dirname(file) for file in every}
    try:
        common = os.path.commonpath(folders)
    except ValueError:  # none, or absolute and relative ones, or different drives
        common = ""
    return {
        file: Path(os.path.relpath(file, common) if common else file).as_posix() for file in every
    }


def _photo(
    answer: Answer, projection: Projection, thresholds_m: Sequence[float], pictures: PictureStore
) -> dict[str, Any]:
    error_m = answer.error_m
    near = answer.position or answer.estimate
    return {
        "at": _point(answer.position, projection),
        "latlon": _degrees(answer.position),
        "estimate": _point(answer.estimate, projection, near),
        "estimateLatlon": _degrees(answer.estimate),
        "error": None if error_m is None else round(error_m, 2),
        "errorText": None if error_m is None else metres(error_m),
        "ring": None if error_m is None else ring_of(error_m, thresholds_m),
        "stretch": _stretch(answer.position, projection),
        "radius": answer.radius_m,
        "radiusText": _radius_text(answer),
        "radiusStretch": _stretch(answer.estimate, projection),
        "picture": pictures.add(answer.photo),
    }


def _answers(
    answer: Answer,
    projection: Projection,
    thresholds_m: Sequence[float],
    depth: int,
    pictures: PictureStore,
    names: dict[Path, str],
) -> list[dict[str, Any]]:
    if not len(answer.latlon):
        return []
    distances_m = answer.distances_m
    points = projection(answer.latlon[:depth], answer.position or answer.estimate)
    found = []
    for place, point in enumerate(points):
        image = answer.images[place] if place < len(answer.images) else None
        distance_m = None if distances_m is None else float(distances_m[place])
        found.append(
            {
                "at": _rounded(point),
                "latlon": _degrees(tuple(answer.latlon[place])),
                "distanceText": None if distance_m is None else metres(distance_m),
                "ring": None if distance_m is None else ring_of(distance_m, thresholds_m),
                "score": f"{answer.scores[place]:.3f}",
                "name": f"gallery row {answer.rows[place]}" if image is None else names[image],
                "picture": None if image is None else pictures.add(image),
            }
        )
    return found


def _point(
    latlon: tuple[float, float] | None,
    projection: Projection,
    near: tuple[float, float] | None = None,
) -> list[float] | None:
    return None if latlon is None else _rounded(projection([latlon], near)[0])


def _rounded(point: Array) -> list[float]:
    """Return a point in metres, to the centimetre."""
    return [round(float(part), 2) for part in point]


def _degrees(latlon: tuple[float, ...] | None) -> str | None:
    """Return a position as text, to a decimetre."""
    return None if latlon is None else f"{latlon[0]:.6f}, {latlon[1]:.6f}"


def _stretch(latlon: tuple[float, float] | None, projection: Projection) -> list[float] | None:
    return None if latlon is None else [round(part, 5) for part in projection.stretch(latlon[0])]


def _radius_text(answer: Answer) -> str | None:
    if answer.radius_m is None:
        return None
    share = "" if answer.confidence is None else f" with {100 * answer.confidence:.0f} % confidence"
    return f"within {metres(answer.radius_m)} of the estimate{share}"
