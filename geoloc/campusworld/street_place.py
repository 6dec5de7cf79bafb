"""Where the panoramas of a StreetWorld were taken."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CANBERRA_M: Array = np.array([640_000.0, 6_040_000.0])  # easting and northing
CAMPUS_DISTANCE_M, CAMPUSES_IN_A_ROW = 7_000.0, 10


def to_utm(offset_m: Array, campus: int) -> Array:
    """Return easting and northing ``[P, 2]`` in m of UTM zone 55 South, where CVACT lies.

    Args:
        offset_m: East and north in m from the centre of the campus, ``[P, 2]``.
        campus: Its number in the world.
    """
    utm: Array = offset_m + CANBERRA_M + _site(campus)
    return utm


def _site(campus: int) -> Array:
    site: Array = CAMPUS_DISTANCE_M * np.array(divmod(campus, CAMPUSES_IN_A_ROW))
    return site


class Place(NamedTuple):
    """A written panorama.

    Attributes:
        number: From 1, over all campuses.
        split: ``train`` or ``val``.
        lat, lon: In degrees, on the site of the campus.
        easting_m, northing_m: In m of UTM zone 55 South, where CVACT lies; campuses have other
            sites there, likewise far apart.
    """

    number: int
    split: str
    lat: float
    lon: float
    easting_m: float
    northing_m: float


class StreetCampus(NamedTuple):
    """A campus as the files of a dataset tell of it.

    Attributes:
        number: Of the campus in its world.
        origin: (lat, lon) of its centre in degrees.
        radius_m: Panoramas are no farther from its centre.
        tile_m: Side of the ground that a tile shows in m.
        places: Its panoramas.
    """

    number: int
    origin: tuple[float, float]
    radius_m: float
    tile_m: float
    places: list[Place]

    @property
    def offsets_m(self) -> Array:
        """Its panoramas in m from the centre, east and north, ``[P, 2]``."""
        utm = np.array([[place.easting_m, place.northing_m] for place in self.places])
        offsets_m: Array = utm.reshape(-1, 2) - CANBERRA_M - _site(self.number)
        return offsets_m


class Tile(NamedTuple):
    """A satellite image to be rendered.

    Attributes:
        path: Its file below the root.
        position: Its centre, x and y on the map of the campus in m, ``[2]``.
    """

    path: str
    position: Array
