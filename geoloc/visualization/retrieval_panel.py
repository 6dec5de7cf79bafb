"""Retrieval panels: a query beside what it found, the best first."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from geoloc.analysis.queries import Found, Query
from geoloc.datasets.index import Index
from geoloc.localization.answer import Answer
from geoloc.visualization.relevance_colours import (
    UNKNOWN,
    level_colour,
    metres,
    ring_colours,
    ring_names,
    ring_of,
)
from geoloc.visualization.thumbnail import THUMBNAIL_PX, jpeg_uri, thumbnail


class Picture(NamedTuple):
    """A picture of a panel.

    Attributes:
        file: Image file.
        name: What it is called.
        caption: What stands below: the rank, the level in words, the metres.
        colour: Of its frame.
    """

    file: Path
    name: str
    caption: str
    colour: str = UNKNOWN


class RetrievalPanel(NamedTuple):
    """A query and its results.

    Attributes:
        title: What stands above.
        query: The query.
        results: What it found, the best first.
    """

    title: str
    query: Picture
    results: tuple[Picture, ...]


def panel_of_query(query: Query, index: Index, highest: int) -> RetrievalPanel:
    """Return the panel of a query of a finished run.

    Args:
        query: From ``describe_queries``.
        index: The test images; ``root`` is their folder.
        highest: The highest level.
    """
    rank = f"its place is found at rank {query.rank}" if query.rank else "its place is not there"
    score = f"H-AP {100 * query.values['H-AP']:.1f}, " if "H-AP" in query.values else ""
    name = str(index.path[query.row])
    results = (_result(place, found, index, highest) for place, found in enumerate(query.first, 1))
    photo = Picture(index.file(query.row), name, "query")
    return RetrievalPanel(f"{name}: {score}{rank}", photo, tuple(results))


def _result(place: int, found: Found, index: Index, highest: int) -> Picture:
    distance = "" if found.distance_m is None else f", {metres(found.distance_m)}"
    return Picture(
        index.file(found.row),
        str(index.path[found.row]),
        f"{place}: level {found.level}{distance}",
        level_colour(found.level, highest),
    )


def panel_of_answer(
    answer: Answer, thresholds_m: Sequence[float] = (200.0, 500.0), depth: int = 5
) -> RetrievalPanel:
    """Return the panel of a localized photo; without images of the gallery it has no results.

    Args:
        answer: Of a ``Localizer``.
        thresholds_m: Bounds of the frames' colours in metres, ascending.
        depth: Results to show.
    """
    colours, names = ring_colours(len(thresholds_m)), ring_names(thresholds_m)
    distances_m = answer.distances_m
    results = []
    for place, file in enumerate(answer.images[:depth]):
        colour, where = UNKNOWN, "distance unknown"
        if distances_m is not None:
            ring = ring_of(float(distances_m[place]), thresholds_m)
            colour, where = colours[ring], f"{metres(float(distances_m[place]))}, {names[ring]}"
        results.append(Picture(file, file.name, f"{place + 1}: {where}", colour))
    error = "error unknown" if answer.error_m is None else f"error {metres(answer.error_m)}"
    photo = Picture(answer.photo, answer.photo.name, "photo")
    return RetrievalPanel(f"{answer.photo.name}: {error}", photo, tuple(results))


def panel_html(panel: RetrievalPanel, size_px: int = THUMBNAIL_PX) -> str:
    """Return a panel as a part of a page, without its title.

    ``pictures.css`` gives it its look, ``enlarge.js`` shows a picture larger at a press.

    Args:
        panel: To show.
        size_px: Length of the longer side of a picture.
    """
    figures = [_figure(panel.query, "query", size_px)]
    figures += [_figure(picture, "result", size_px) for picture in panel.results]
    return (
        f'<div class="panel" tabindex="0" role="group" aria-label="{escape(panel.title)}">\n'
        f"{''.join(figures)}</div>\n"
    )


def _figure(picture: Picture, kind: str, size_px: int) -> str:
    image = thumbnail(picture.file, size_px)
    name = escape(picture.name)
    if image is None:
        content = f'<span class="missing">{name} cannot be read</span>'
    else:
        content = f'<img src="{jpeg_uri(image)}" alt="{name}" title="{name}">'
    return (
        f'<figure class="{kind}" style="--level: {picture.colour}">'
        f'<button type="button" class="picture"{" disabled" if image is None else ""}>{content}'
        f"</button><figcaption>{escape(picture.caption)}</figcaption></figure>\n"
    )
