"""A map of answers as one HTML file that needs nothing else."""

import itertools
import math
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from geoloc.errors import ConfigError
from geoloc.geo.ellipsoid import EQUATORIAL_RADIUS_M, MEAN_RADIUS_M
from geoloc.localization.answer import Answer, Unread
from geoloc.visualization.map_content import map_content, map_projection, worst_first
from geoloc.visualization.offline_page import asset, json_element, offline_page
from geoloc.visualization.projection import Projection, graticule_lines
from geoloc.visualization.relevance_colours import UNKNOWN, metres, ring_colours, ring_names
from geoloc.visualization.thumbnail import PictureStore

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.:*-]+")


class Tiles(NamedTuple):
    """An online layer below the map, which the reader's browser fetches when the page is open.

    Attributes:
        url: Address of a tile with ``{z}``, ``{x}`` and ``{y}``.
        credit: Whom the tiles are from, as their licence asks.
    """

    url: str
    credit: str


def write_map(
    answers: Sequence[Answer],
    path: str | Path,
    thresholds_m: Sequence[float] = (200.0, 500.0),
    depth: int = 5,
    title: str = "Where the photos were taken",
    thumbnail_px: int = 240,
    budget_mb: float = 24.0,
    tiles: Tiles | None = None,
) -> Path:
    """Write a page with a map of photos, estimates, ranked answers and errors.

    Args:
        answers: ``Answers``, or some of them.
        path: The HTML file; its folder is created.
        thresholds_m: Radii in metres of the rings about true positions, ascending.
        depth: Answers to show of every photo.
        title: Stands above.
        thumbnail_px: Length of the longer side of the pictures in the page.
        budget_mb: Size of all pictures in megabytes; the worst photos come first, and the page
            says how many had no room.
        tiles: An online layer; without it the page asks for nothing.

    Returns:
        ``path``.

    Raises:
        ConfigError: If an argument cannot be used.
    """
    _check(thresholds_m, depth, tiles)
    photos = worst_first(answers)
    pictures = PictureStore(budget_mb, thumbnail_px)
    projection = map_projection(photos, depth, tiles is not None)
    content = {
        **_frame(projection),
        "thresholds": [[threshold, metres(threshold)] for threshold in thresholds_m],
        "rings": list(zip(ring_names(thresholds_m), ring_colours(len(thresholds_m)), strict=True)),
        "unknown": ["true position unknown", UNKNOWN],
        "photos": map_content(photos, projection, thresholds_m, depth, pictures),
        "pictures": pictures.uris,
        "tiles": tiles.url if tiles else None,
    }
    unread = getattr(answers, "unread", ())
    body = f"""<header>
<h1>{escape(title)}</h1>
<p>{escape(_summary(photos, thresholds_m))}</p>
</header>
{asset("map.html") if photos else ""}
{_remarks(pictures, tiles)}{_unread(unread)}{json_element("content", content) if photos else ""}"""
    style = asset("pictures.css") + asset("map.css")
    scripts = ["enlarge.js", "map_view.js", *(["map_tiles.js"] if tiles else []), "map.js"]
    script = "".join(map(asset, scripts)) if photos else ""
    images = f"data: {_origin(tiles)}" if tiles else "data:"
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(offline_page(f"geoloc: {title}", style, body, script, images), "utf-8")
    return file


def _check(thresholds_m: Sequence[float], depth: int, tiles: Tiles | None) -> None:
    ascending = all(a < b for a, b in itertools.pairwise(thresholds_m))
    if not ascending or not all(0 < radius < math.inf for radius in thresholds_m):
        raise ConfigError(f"thresholds_m={list(thresholds_m)} must be ascending metres above 0")
    if depth < 1:
        raise ConfigError(f"depth={depth} must be at least 1, the best answer")
    if tiles and not (
        _ORIGIN.match(tiles.url) and all(part in tiles.url for part in ("{z}", "{x}", "{y}"))
    ):
        raise ConfigError(
            f"tiles.url={tiles.url!r} must be an address with {{z}}, {{x}} and {{y}}, such as "
            "https://tile.example.org/{z}/{x}/{y}.png"
        )


def _origin(tiles: Tiles) -> str:
    found = _ORIGIN.match(tiles.url)
    assert found  # checked before
    return found[0]


def _frame(projection: Projection) -> dict[str, Any]:
    """Return what the page's script needs for the scale, the graticule and the tiles."""
    mercator = projection.kind == "mercator"
    radius = EQUATORIAL_RADIUS_M if mercator else MEAN_RADIUS_M
    north = math.asinh(math.tan(math.radians(projection.lat))) if mercator else 0.0
    return {
        "kind": projection.kind,
        "radius": radius,
        "origin": [radius * math.radians(projection.lon), radius * north],
        "graticule": [np.round(line).tolist() for line in graticule_lines(projection)],
    }


def _summary(photos: Sequence[Answer], thresholds_m: Sequence[float]) -> str:
    if not photos:
        return "No photo was localized."
    count = f"{len(photos)} photo{'' if len(photos) == 1 else 's'}."
    errors = [photo.error_m for photo in photos if photo.error_m is not None]
    if not errors:
        return f"{count} None of them knows its true position, so the errors are unknown."
    within = [
        f"{sum(error <= radius for error in errors)} within {metres(radius)}"
        for radius in thresholds_m
    ]
    known = "" if len(errors) == len(photos) else f" of the {len(errors)} with a true position"
    median = f"Median error{known}: {metres(float(np.median(errors)))}"
    return f"{count} {'; '.join([median, *within])}."


def _remarks(pictures: PictureStore, tiles: Tiles | None) -> str:
    remarks = []
    if pictures.left_out:
        remarks.append(
            f"{pictures.left_out} pictures had no room in the page; those of the largest errors "
            "come first, and a higher budget_mb holds more."
        )
    if pictures.unreadable:
        remarks.append(
            f"{len(pictures.unreadable)} image files are missing or unreadable, "
            f"such as {pictures.unreadable[0]}."
        )
    if tiles:
        remarks.append(f"Tiles: {tiles.credit}")
    return "".join(f'<p class="muted">{escape(remark)}</p>\n' for remark in remarks)


def _unread(unread: Sequence[Unread]) -> str:
    if not unread:
        return ""
    lines = [f"<li>{escape(str(each.file))}: {escape(each.reason)}</li>" for each in unread]
    heading = f"{len(unread)} files were not localized"
    return f"<details><summary>{heading}</summary><ul>\n{''.join(lines)}</ul></details>\n"
