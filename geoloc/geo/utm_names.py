"""Positions in file names, as the datasets of visual place recognition have them.

``@<easting>@<northing>@<zone>@<letter>@<lat>@<lon>@<more>@.jpg``: San Francisco XL, and whatever
VPR-datasets-downloader writes. Fields may be empty: latitude and longitude if the others are there,
or the other way round.
"""

from pathlib import PurePath

from geoloc.errors import ConfigError, CoordinateError
from geoloc.geo.coordinates import check_latlon
from geoloc.geo.utm import utm_to_degrees

BANDS = "CDEFGHJKLMNPQRSTUVWX"  # of latitude from 80 degrees South in steps of 8; N is the equator


def position_of_name(file: str | PurePath) -> tuple[float, float] | None:
    """Return the (lat, lon) in degrees that a file's name gives, or None if it begins without @.

    Latitude and longitude are taken as they stand; without them the UTM coordinates are converted,
    for which zone and letter are needed.

    Raises:
        CoordinateError: If the name begins with @ but gives no position.
    """
    name = PurePath(file).name
    if not name.startswith("@"):
        return None
    fields = [field.strip() for field in name.split("@")[1:]]
    easting, northing, zone, letter, lat, lon = (fields + [""] * 6)[:6]
    try:
        if lat and lon:
            found = (float(lat), float(lon))
        else:
            band = letter.upper()
            if len(band) != 1 or band not in BANDS:
                raise ValueError(f"zone letter {letter!r} is none of {BANDS}")
            south = band < "N"
            utm = [[float(easting), float(northing)]]
            found = tuple(utm_to_degrees(utm, int(zone), south)[0].tolist())
    except (ValueError, ConfigError) as error:
        raise CoordinateError(
            f"{file}: the name begins with @ but gives no position ({error}); it must be "
            "@easting@northing@zone@letter@lat@lon@..., with either half complete"
        ) from error
    check_latlon([found], str(file))
    return found
