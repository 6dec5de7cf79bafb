"""Pictures that show the planet: a contact sheet of its photos, and a map."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from geoloc.geo.sphere_index import SphereIndex
from geoloc.geo.unit_sphere import unit_vectors
from geoloc.globeworld.palette import palette
from geoloc.globeworld.planet import Appearance
from geoloc.globeworld.spec import GlobeSpec
from geoloc.globeworld.world import make_world

GAP = 4
SEA, COAST, TRAIN, TEST = (44, 76, 112), (120, 160, 190), (20, 20, 24), (210, 40, 40)
COLUMNS, FAR_KM = 8, 3000


def contact_sheet(path: str | Path, seed: int = 0, rows: int = 5, side: int = 128) -> None:
    """Save a sheet of photos.

    A row begins with a photo; behind it stand its neighbours on the ground, nearest first, and the
    last two photos look alike, of the same climate and style, but are at least 3000 km away. Every
    second row begins with a landmark, and the last two photos show the same kind.

    Args:
        path: Image file to write.
        seed: Of the planet.
        rows: Number of rows.
        side: Side of each picture in px.
    """
    world = make_world(GlobeSpec(seed=seed))
    latlon, places = world.photos.latlon, SphereIndex(world.photos.latlon)
    kinds, every = world.photos.landmark, np.arange(len(latlon))
    step = len(latlon) // rows
    sheet = Image.new("RGB", (COLUMNS * (side + GAP) - GAP, rows * (side + GAP) - GAP), "white")
    for line in range(rows):
        landmark = line % 2 == 1 and bool((kinds >= 0).any())
        pool = np.flatnonzero(kinds >= 0) if landmark else every
        first = int(pool[np.argmin(np.abs(pool - line * step - step // 2))])
        near = places.nearest(latlon[[first]], len(latlon))
        shown = near.row[0, : COLUMNS - 2].tolist()
        far = near.row[0, near.distance_km[0] > FAR_KM]
        far = far[kinds[far] == kinds[first]] if landmark else far
        unlike = _unlikeness(world.appearance, first, far)
        shown += far[np.argsort(unlike, kind="stable")][:2].tolist()
        for column, row in enumerate(shown):
            at = (column * (side + GAP), line * (side + GAP))
            sheet.paste(world.render(row, side), at)
    sheet.save(path, quality=88)


def planet_map(path: str | Path, seed: int = 0, width: int = 1000) -> None:
    """Save a map in the plate carree projection: ground colours, train and test photos.

    Args:
        path: Image file to write.
        seed: Of the planet.
        width: In px.
    """
    world = make_world(GlobeSpec(seed=seed))
    height = width // 2
    lat = 90 - (np.arange(height) + 0.5) * 180 / height
    lon = (np.arange(width) + 0.5) * 360 / width - 180
    grid = np.stack(np.meshgrid(lat, lon, indexing="ij"), axis=-1).reshape(-1, 2)
    colours = np.array([SEA] * len(grid), dtype=np.uint8)
    up = world.planet.height(unit_vectors(grid))
    colours[up > -0.05] = COAST
    land = np.flatnonzero(up > 0)
    colours[land] = _ground_colours(world.planet.appearance(grid[land]))
    picture = Image.fromarray(colours.reshape(height, width, 3))
    draw = ImageDraw.Draw(picture)
    for (lat_deg, lon_deg), train in zip(
        world.photos.latlon.tolist(), world.photos.train.tolist(), strict=True
    ):
        x, y = (lon_deg + 180) / 360 * width, (90 - lat_deg) / 180 * height
        draw.rectangle([x - 0.5, y - 0.5, x + 0.5, y + 0.5], TRAIN if train else TEST)
    picture.save(path)


def _ground_colours(fields: Appearance) -> NDArray[np.uint8]:
    rows = zip(
        fields.warmth,
        fields.moisture,
        fields.wall,
        fields.roof,
        fields.soil,
        fields.haze,
        strict=True,
    )
    return np.array([palette(*row).ground for row in rows]).clip(0, 255).astype(np.uint8)


def _unlikeness(fields: Appearance, row: int, others: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how differently other photos look, from the fields of climate and style ``[n]``."""
    look = np.stack([fields.warmth, fields.moisture, fields.wall, fields.roof, fields.plant])
    return np.asarray(((look[:, others] - look[:, [row]]) ** 2).sum(axis=0))
