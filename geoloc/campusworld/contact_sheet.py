"""Pictures that show the world: a contact sheet, and one query with its levels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from geoloc.campusworld.campus import Campus, make_campus
from geoloc.campusworld.drone import render_drone
from geoloc.campusworld.satellite import render_satellite
from geoloc.campusworld.spec import PRESETS, WorldSpec, plan_campuses

GAP = 4
PAPER = (255, 255, 255)
INK = (40, 40, 40)

SHEET_PLACES = ((1, 5), (1, 30), (4, 12), (7, 10), (7, 20))
"""(campus, place) of the rows of the contact sheet."""

HERO_CAMPUS, HERO_PLACE, FAR_CAMPUS, FAR_PLACE = 7, 20, 4, 12


def contact_sheet(path: Path, drone_views: int = 5, side: int = 200) -> None:
    """Save a sheet with one row for each of some places: satellite tile, then drone views.

    Args:
        path: Image file to write.
        drone_views: Drone views in each row, spread over the orbit.
        side: Side of each picture, px.
    """
    spec = replace(PRESETS["dacampus"], image_size=2 * side)
    rows = []
    campuses: dict[int, Campus] = {}
    for index, place in SHEET_PLACES:
        if index not in campuses:
            campuses[index] = _campus(spec, index)
        campus = campuses[index]
        turns = [k * spec.views // drone_views for k in range(drone_views)]
        shots = [render_satellite(campus, place, spec.tile_m, spec.image_size)]
        shots += [render_drone(spec, campus, index, place, turn) for turn in turns]
        rows.append(shots)
    _grid(rows, [None] * len(rows), side).save(path, quality=84)


def hero(path: Path, side: int = 297) -> None:
    """Save one place and three others, one at each level, as satellite and drone see them.

    Args:
        path: Image file to write.
        side: Side of each picture, px.
    """
    spec = replace(PRESETS["dacampus"], image_size=2 * side)
    campus, other = _campus(spec, HERO_CAMPUS), _campus(spec, FAR_CAMPUS)
    spots = campus.layout.places
    metres = np.hypot(*(spots - spots[HERO_PLACE]).T)
    near, middle = _closest(metres, 130.0), _closest(metres, 380.0)
    columns = [
        (campus, HERO_CAMPUS, HERO_PLACE, "level 3: the same place"),
        (campus, HERO_CAMPUS, near, f"level 2: {metres[near]:.0f} m away"),
        (campus, HERO_CAMPUS, middle, f"level 1: {metres[middle]:.0f} m away"),
        (other, FAR_CAMPUS, FAR_PLACE, "level 0: another campus"),
    ]
    above = [render_satellite(c, place, spec.tile_m, spec.image_size) for c, _, place, _ in columns]
    below = [render_drone(spec, c, index, place, 20) for c, index, place, _ in columns]
    _grid([above, below], [[text for *_, text in columns], None], side).save(path, quality=82)


def _campus(spec: WorldSpec, index: int) -> Campus:
    return make_campus(spec, list(plan_campuses(spec))[index])


def _closest(metres: NDArray[np.float64], wanted: float) -> int:
    return int(np.argmin(np.abs(metres - wanted)))


def _grid(
    rows: list[list[Image.Image]], captions: list[list[str] | None], side: int
) -> Image.Image:
    """Return pictures, shrunk to ``side`` px, in rows; above a row are its captions, if any."""
    caption = 30
    width = len(rows[0]) * (side + GAP) - GAP
    height = sum(side + GAP + (caption if text else 0) for text in captions) - GAP
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(18)
    top = 0
    for pictures, texts in zip(rows, captions, strict=True):
        for column, text in enumerate(texts or []):
            middle = column * (side + GAP) + side / 2
            draw.text((middle, top + caption / 2), text, INK, font, anchor="mm")
        top += caption if texts else 0
        for column, picture in enumerate(pictures):
            small = picture.resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(small, (column * (side + GAP), top))
        top += side + GAP
    return sheet
