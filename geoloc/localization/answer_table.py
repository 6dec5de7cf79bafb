"""Answers as tables: one row per photo, or one per place that was found for it."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from geoloc.localization.answer import Answer, Unread
from geoloc.localization.answer_geojson import printable

Row = dict[str, Any]

PHOTO_COLUMNS = (
    *("photo", "lat", "lon", "radius_m", "confidence"),
    *("photo_lat", "photo_lon", "error_m"),
    *("best_score", "best_lat", "best_lon", "best_image", "best_row"),
)
PLACE_COLUMNS = ("photo", "rank", "row", "score", "lat", "lon", "distance_m", "image")
UNREAD_COLUMNS = ("file", "reason")


def photo_rows(answers: Iterable[Answer]) -> list[Row]:
    """Return a row per photo with the columns ``PHOTO_COLUMNS``; None for what is not known."""
    rows = []
    for answer in answers:
        lat, lon = answer.estimate or (None, None)
        photo_lat, photo_lon = answer.position or (None, None)
        best = place_rows([answer])[:1]
        names = {"best_score": "score", "best_lat": "lat", "best_lon": "lon"}
        names |= {"best_image": "image", "best_row": "row"}
        rows.append(
            {
                "photo": printable(str(answer.photo)),
                "lat": lat,
                "lon": lon,
                "radius_m": answer.radius_m,
                "confidence": answer.confidence,
                "photo_lat": photo_lat,
                "photo_lon": photo_lon,
                "error_m": answer.error_m,
                **{name: best[0][key] if best else None for name, key in names.items()},
            }
        )
    return rows


def place_rows(answers: Iterable[Answer]) -> list[Row]:
    """Return a row per photo and place, the best first, with the columns ``PLACE_COLUMNS``."""
    rows = []
    for answer in answers:
        distances_m = answer.distances_m
        for place, (lat, lon) in enumerate(answer.latlon.tolist()):
            rows.append(
                {
                    "photo": printable(str(answer.photo)),
                    "rank": place + 1,
                    "row": int(answer.rows[place]),
                    "score": float(answer.scores[place]),
                    "lat": lat,
                    "lon": lon,
                    "distance_m": None if distances_m is None else float(distances_m[place]),
                    "image": printable(str(answer.images[place])) if answer.images else None,
                }
            )
    return rows


def unread_rows(unread: Iterable[Unread]) -> list[Row]:
    """Return a row per file that was not localized, with the columns ``UNREAD_COLUMNS``."""
    return [{"file": printable(str(one.file)), "reason": printable(one.reason)} for one in unread]


def write_csv(path: str | Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a UTF-8 CSV file with a header; None becomes an empty field."""
    with open(path, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
