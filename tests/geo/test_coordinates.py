import math

import numpy as np
import pytest

from geoloc.errors import CoordinateError
from geoloc.geo import check_latlon


def test_valid_rows_come_back_as_float64():
    rows = check_latlon([[90, -180], [-90, 180], [0, 0]])
    assert rows.dtype == np.float64
    np.testing.assert_array_equal(rows, [[90, -180], [-90, 180], [0, 0]])


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ((90.001, 100.0), r"lat=90\.001 is outside"),
        ((0.0, 180.5), r"lon=180\.5 is outside"),
        ((math.nan, 0.0), "nan"),
        ((0.0, math.inf), "inf"),
        ((200.0, 10.0), r"lat=200\.0 is outside"),
        ((112.9, 28.2), r"\(112\.9, 28\.2\) looks like \(lon, lat\)"),
    ],
)
def test_bad_row_is_named(bad, says):
    with pytest.raises(CoordinateError, match=rf"^gallery: row 1: .*{says}"):
        check_latlon([(28.2, 112.9), bad, (0.0, 999.0)], "gallery")


def test_only_a_swap_that_helps_is_suggested():
    with pytest.raises(CoordinateError) as caught:
        check_latlon([(100.0, 100.0)])
    assert "looks like" not in str(caught.value)


@pytest.mark.parametrize("rows", [[1.0, 2.0], [[1.0, 2.0, 3.0]], [[[1.0, 2.0]]]])
def test_wrong_shape(rows):
    with pytest.raises(CoordinateError, match="shape"):
        check_latlon(rows)


def test_text_is_refused():
    with pytest.raises(CoordinateError, match="must be numbers"):
        check_latlon([["north", "east"]])
