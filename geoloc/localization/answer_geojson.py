"""Answers as GeoJSON (RFC 7946): what every map reads."""

from collections.abc import Iterable, Sequence
from typing import Any

from geoloc.localization.answer import Answer

Feature = dict[str, Any]
Point = tuple[float, float]

DIGITS = 7  # of degrees: about a centimetre


def feature_collection(answers: Iterable[Answer]) -> dict[str, Any]:
    """Return a FeatureCollection; coordinates are (lon, lat) in degrees, WGS-84.

    Every answer gives a point ``estimate`` and a multi-point ``places``, the best first; a photo
    that knows its position also a point ``photo`` and a line ``error`` between the two, cut in two
    where it crosses the antimeridian (section 3.1.9). The property ``kind`` tells them apart.
    """
    features = [feature for answer in answers for feature in _features(answer)]
    return {"type": "FeatureCollection", "features": features}


def _features(answer: Answer) -> list[Feature]:
    facts = {
        "photo": printable(str(answer.photo)),
        "score": float(answer.scores[0]) if len(answer.scores) else None,
        "radius_m": answer.radius_m,
        "confidence": answer.confidence,
        "error_m": answer.error_m,
    }
    features = []
    if answer.estimate is not None:
        features.append(_feature("estimate", _point(answer.estimate), facts))
    if answer.position is not None:
        features.append(_feature("photo", _point(answer.position), facts))
    if answer.estimate is not None and answer.position is not None:
        features.append(_feature("error", line(answer.position, answer.estimate), facts))
    if len(answer.latlon):
        places = [_lonlat(place) for place in answer.latlon.tolist()]
        geometry = {"type": "MultiPoint", "coordinates": places}
        more = {
            "scores": [float(score) for score in answer.scores],
            "images": [printable(str(image)) for image in answer.images],
        }
        features.append(_feature("places", geometry, facts | more))
    return features


def line(start: Point, end: Point) -> dict[str, Any]:
    """Return the straight line between two (lat, lon), the short way round the Earth.

    Where that crosses the antimeridian it is a MultiLineString of two parts that end there.
    """
    (lat_a, lon_a), (lat_b, lon_b) = start, end
    if abs(lon_a - lon_b) <= 180:
        return {"type": "LineString", "coordinates": [_lonlat(start), _lonlat(end)]}
    edge = 180.0 if lon_a > 0 else -180.0
    to_edge, beyond = edge - lon_a, edge + lon_b  # of the same sign: both go the same way
    share = to_edge / (to_edge + beyond) if to_edge + beyond else 0.0
    lat = lat_a + share * (lat_b - lat_a)
    parts = [[_lonlat(start), _lonlat((lat, edge))], [_lonlat((lat, -edge)), _lonlat(end)]]
    return {"type": "MultiLineString", "coordinates": parts}


def printable(text: str) -> str:
    """Return a file name with bytes that are no text shown as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _feature(kind: str, geometry: dict[str, Any], facts: dict[str, Any]) -> Feature:
    return {"type": "Feature", "geometry": geometry, "properties": {"kind": kind, **facts}}


def _point(latlon: Point) -> dict[str, Any]:
    return {"type": "Point", "coordinates": _lonlat(latlon)}


def _lonlat(latlon: Sequence[float]) -> list[float]:
    return [round(float(latlon[1]), DIGITS), round(float(latlon[0]), DIGITS)]
