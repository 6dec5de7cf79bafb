"""Positions on a flat map, in metres.

Near places are drawn in the azimuthal equidistant projection about their middle, which has no edge
at the antimeridian and none at the poles; places all over the world in the equirectangular one.
Tiles come in Web Mercator only.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoloc.geo import check_latlon
from geoloc.geo.ellipsoid import EQUATORIAL_RADIUS_M, MEAN_RADIUS_M
from geoloc.geo.unit_sphere import latlon_of, unit_vectors

Array = NDArray[np.float64]
Kind = Literal["local", "world", "mercator"]

LOCAL_EXTENT_M = 1.5e6  # up to here distances on the local map are right to half a percent
MERCATOR_LIMIT_DEG = 85.0511  # where the square of Web Mercator ends
_POLE_DEG = 89.9  # the stretch at the pole itself is infinite


class Projection(NamedTuple):
    """A map of a part of the Earth.

    Attributes:
        kind: ``local`` (azimuthal equidistant), ``world`` (equirectangular) or ``mercator``.
        lat: Latitude of the middle in degrees.
        lon: Longitude of the middle in degrees.
    """

    kind: Kind
    lat: float
    lon: float

    def __call__(self, latlon: ArrayLike, near: ArrayLike | None = None) -> Array:
        """Return metres to the east and the north of the middle, float64 ``[N, 2]``.

        Args:
            latlon: (lat, lon) in degrees ``[N, 2]``.
            near: One position: the others are drawn on its side of the antimeridian, so that a
                line to them takes the short way.
        """
        lat, lon = check_latlon(latlon).T
        if self.kind == "local":
            return _azimuthal_equidistant(lat, lon, self.lat, self.lon)
        east = _turn(lon - self.lon)
        if near is not None:
            start = _turn(np.asarray(near, dtype=np.float64)[1] - self.lon)
            east = start + _turn(lon - self.lon - start)
        if self.kind == "world":
            north = MEAN_RADIUS_M * np.radians(lat - self.lat)
            return np.stack([MEAN_RADIUS_M * np.radians(east), north], axis=1)
        north = _mercator_north(lat) - _mercator_north(np.array([self.lat]))
        return np.stack([EQUATORIAL_RADIUS_M * np.radians(east), north], axis=1)

    def stretch(self, lat: float) -> tuple[float, float]:
        """Return how long a metre on the ground is on the map, eastwards and northwards."""
        if self.kind == "local":
            return 1.0, 1.0
        limit = MERCATOR_LIMIT_DEG if self.kind == "mercator" else _POLE_DEG
        wide = float(1 / np.cos(np.radians(np.clip(lat, -limit, limit))))
        return wide, wide if self.kind == "mercator" else 1.0


def choose_projection(latlon: ArrayLike, tiles: bool = False) -> Projection:
    """Return the projection that suits some positions.

    Args:
        latlon: (lat, lon) in degrees ``[N, 2]``, N at least 1.
        tiles: Whether tiles will lie below.
    """
    rows = check_latlon(latlon)
    lat, lon = middle(rows)
    local = Projection("local", lat, lon)
    if tiles:
        limit = MERCATOR_LIMIT_DEG
        return Projection("mercator", float(np.clip(lat, -limit, limit)), lon)
    if np.hypot(*local(rows).T).max() <= LOCAL_EXTENT_M:
        return local
    return Projection("world", 0.0, _meridian(rows[:, 1]))


def middle(latlon: Array) -> tuple[float, float]:
    """Return the (lat, lon) in the middle of some positions, as seen from the Earth's centre."""
    mean = unit_vectors(latlon).mean(axis=0)
    if np.linalg.norm(mean) < 1e-9:  # they balance each other: no place is the middle
        return 0.0, 0.0
    lat, lon = latlon_of(mean[None])[0].tolist()
    return lat, lon


def graticule_lines(projection: Projection, step_deg: float = 30.0) -> list[Array]:
    """Return the meridians and parallels of a world map, each as points ``[K, 2]`` in metres."""
    if projection.kind != "world":
        return []
    half = np.pi * MEAN_RADIUS_M
    lons = np.arange(-180.0, 180.0, step_deg)
    east = MEAN_RADIUS_M * np.radians(_turn(lons - projection.lon))
    north = MEAN_RADIUS_M * np.radians(np.arange(-90.0, 90.1, step_deg))
    return [
        *(np.array([[x, -half / 2], [x, half / 2]]) for x in (*east, -half, half)),
        *(np.array([[-half, y], [half, y]]) for y in north),
    ]


def _azimuthal_equidistant(lat: Array, lon: Array, lat_0: float, lon_0: float) -> Array:
    phi, phi_0, turn = np.radians(lat), np.radians(lat_0), np.radians(lon - lon_0)
    east = np.cos(phi) * np.sin(turn)
    north = np.cos(phi_0) * np.sin(phi) - np.sin(phi_0) * np.cos(phi) * np.cos(turn)
    up = np.sin(phi_0) * np.sin(phi) + np.cos(phi_0) * np.cos(phi) * np.cos(turn)
    sine = np.hypot(east, north)
    angle = np.arctan2(sine, up)
    scale = np.divide(angle, sine, out=np.ones_like(sine), where=sine > 1e-12)
    return MEAN_RADIUS_M * np.stack([east * scale, north * scale], axis=1)


def _mercator_north(lat: Array) -> Array:
    phi = np.radians(np.clip(lat, -MERCATOR_LIMIT_DEG, MERCATOR_LIMIT_DEG))
    north: Array = EQUATORIAL_RADIUS_M * np.arcsinh(np.tan(phi))
    return north


def _turn(lon: Array) -> Array:
    """Return differences of longitude in -180 .. 180."""
    return (lon + 180.0) % 360.0 - 180.0


def _meridian(lon: Array) -> float:
    """Return the longitude opposite of the widest gap, where a world map is best cut."""
    ordered = np.unique(lon % 360.0)
    gaps = np.diff([*ordered, ordered[0] + 360.0])
    widest = int(np.argmax(gaps))
    return float(_turn(ordered[widest] + gaps[widest] / 2 - 180.0))


def extent(points: Sequence[Array]) -> tuple[float, float, float, float]:
    """Return the lowest and highest east and north of some points on a map."""
    every = np.concatenate(list(points))
    (west, south), (east, north) = every.min(axis=0), every.max(axis=0)
    return float(west), float(south), float(east), float(north)
