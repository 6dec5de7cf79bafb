from pathlib import Path

import pytest
from geopy.distance import geodesic

from geoloc.errors import CoordinateError
from geoloc.geo.utm_names import position_of_name
from tests.geo.test_geotiff import to_utm

MUNICH = "@691603.00@5334765.00@32@U@@@@@.jpg"
EASTING, NORTHING = to_utm(37.76171, -122.50931, zone=10)
SAN_FRANCISCO = f"@{EASTING:010.2f}@{NORTHING:.2f}@10@S@037.76171@-122.50931@pano@@@@@.jpg"


def test_latitude_and_longitude_win_and_utm_agrees() -> None:
    assert position_of_name(SAN_FRANCISCO) == (37.76171, -122.50931)
    without = position_of_name(Path("x") / SAN_FRANCISCO.replace("037.76171@-122.50931", "@"))
    assert without is not None
    assert geodesic(without, (37.76171, -122.50931)).m < 0.1


def test_utm_alone_and_the_southern_half() -> None:
    north, south = position_of_name(MUNICH), position_of_name(MUNICH.replace("@U@", "@h@"))
    assert north is not None
    assert south is not None
    assert geodesic(north, (48.137, 11.575)).m < 200
    assert -45 < south[0] < -41


def test_other_names_say_nothing() -> None:
    assert position_of_name("IMG_0001.jpg") is None


@pytest.mark.parametrize(
    "name",
    [
        "@.jpg",
        "@1@2@.jpg",
        "@691603@5334765@61@U@@@.jpg",
        "@691603@5334765@32@I@@@.jpg",
        "@a@b@32@U@@@.jpg",
        "@@@@@95@11@.jpg",
        "@@@@@nan@11@.jpg",
    ],
)
def test_names_without_a_position_are_refused(name: str) -> None:
    with pytest.raises(CoordinateError, match=name.split("@")[-1]):
        position_of_name(name)
