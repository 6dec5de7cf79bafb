import numpy as np
import pytest
from geographiclib.geodesic import Geodesic

from geoloc.errors import CoordinateError
from geoloc.geo import azimuth_of_pairs


def error_deg(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    return np.abs((ours - theirs + 180.0) % 360.0 - 180.0)


def test_the_azimuths_of_the_conformance_vectors(golden) -> None:
    vectors = golden("gg_spatial_index")
    query = np.repeat(vectors["query_deg"], 5, axis=0)
    found = vectors["gallery_deg"][vectors["knn_idx"]].reshape(-1, 2)
    azimuth = azimuth_of_pairs(query, found)
    assert error_deg(azimuth, vectors["fwd_azimuth_deg"].ravel()).max() < 1e-6


@pytest.mark.parametrize("spread_deg", [1e-4, 0.3, 90.0])
@pytest.mark.parametrize("opposite", [False, True])
def test_an_independent_solver_agrees(spread_deg: float, opposite: bool) -> None:
    rng = np.random.default_rng(0)
    a = rng.uniform([-90, -180], [90, 180], (300, 2))
    centre = np.column_stack([-a[:, 0], a[:, 1] + 180]) if opposite else a
    b = centre + rng.normal(0, spread_deg, (300, 2))
    b = np.column_stack([np.clip(b[:, 0], -90, 90), (b[:, 1] + 180) % 360 - 180])
    expected = [
        Geodesic.WGS84.Inverse(*here, *there)["azi1"] for here, there in zip(a, b, strict=True)
    ]
    # near the antipode a millimetre turns the geodesic by degrees
    close = 1e-2 if opposite and spread_deg < 1e-2 else 2e-6
    assert error_deg(azimuth_of_pairs(a, b), np.array(expected)).max() < close


def test_the_date_line_the_poles_and_equal_positions() -> None:
    here = [(0.0, 179.9), (0.0, -179.9), (10.0, 5.0), (-90.0, 30.0), (1.0, 2.0)]
    there = [(0.0, -179.9), (0.0, 179.9), (90.0, 0.0), (0.0, 30.0), (1.0, 2.0)]
    assert azimuth_of_pairs(here, there).tolist() == pytest.approx([90, -90, 0, 0, 0], abs=1e-9)


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="got 1 and 2"):
        azimuth_of_pairs([(0, 0)], [(0, 0), (1, 1)])
    with pytest.raises(CoordinateError, match=r"latlon_b: row 0: lat=91"):
        azimuth_of_pairs([(0, 0)], [(91, 0)])
