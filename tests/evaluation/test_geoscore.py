import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geoloc.errors import ConfigError, CoordinateError
from geoloc.evaluation.bootstrap import Bootstrap, Sample, interval
from geoloc.evaluation.geoscore import (
    PRESETS,
    RADII_KM,
    error_km,
    geolocation_statistics,
    geoscore,
    measure_of,
)

EARTH = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def summary(error, inclusive=True):
    return geolocation_statistics(torch.as_tensor(error), Sample(), inclusive)


def test_the_numbers_of_osv5m(golden):
    vectors = golden("gg_geo_metrics")
    measure = PRESETS["osv5m"]
    error = error_km(vectors["pred_deg"], vectors["gt_deg"], measure.distance)
    np.testing.assert_allclose(error, vectors["haversine_km"], rtol=1e-6, atol=1e-9)
    found = summary(error, measure.inclusive)
    assert found["error/mean_km"] == pytest.approx(float(vectors["mean_km"]), rel=1e-6)
    assert found["error/median_km"] == pytest.approx(float(vectors["median_km"]), rel=1e-6)
    assert found["GeoScore"] == pytest.approx(float(vectors["geoscore"]), rel=1e-6)
    assert vectors["radii_km"].tolist() == list(RADII_KM)
    shares = [found[f"Acc@{radius}km"] / 100 for radius in RADII_KM]
    np.testing.assert_allclose(shares, vectors["acc_strict_haversine"], rtol=0, atol=1e-12)


def test_the_numbers_of_geoclip(golden):
    vectors = golden("gg_geo_metrics")
    measure = PRESETS["geoclip"]
    error = error_km(vectors["pred_deg"], vectors["gt_deg"], measure.distance)
    np.testing.assert_allclose(error, vectors["geodesic_wgs84_km"], rtol=0, atol=1e-6)
    found = summary(error, measure.inclusive)
    shares = [found[f"Acc@{radius}km"] / 100 for radius in RADII_KM]
    np.testing.assert_allclose(shares, vectors["acc_le_geodesic"], rtol=0, atol=1e-12)


def test_an_error_equal_to_the_radius_tells_the_presets_apart() -> None:
    error = torch.tensor([25.0, 200.0, 3000.0])
    assert summary(error, inclusive=True)["Acc@25km"] == pytest.approx(100 / 3)
    assert summary(error, inclusive=False)["Acc@25km"] == 0.0


@given(EARTH)
def test_antipodes_are_half_a_circle_away_and_never_nan(position) -> None:
    lat, lon = position
    opposite = (-lat, lon - 180 if lon > 0 else lon + 180)
    error = error_km([position], [opposite])[0]
    assert error == pytest.approx(np.pi * 6371.0, rel=1e-6)
    score = geoscore(torch.tensor([error]))
    assert 0 < float(score) < 0.01


@given(EARTH, EARTH)
def test_distance_is_symmetric_bounded_and_zero_for_itself(one, other) -> None:
    for distance in ("haversine", "geodesic"):
        there, back = error_km([one, other], [other, one], distance)
        assert there == pytest.approx(back, abs=1e-6)
        assert 0 <= there <= 20038
        assert error_km([one], [one], distance)[0] == 0


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        ((0.0, 180.0), (0.0, -180.0), 0.0),
        ((0.0, 179.5), (0.0, -179.5), 2 * np.pi * 6371 / 360),
        ((90.0, 0.0), (90.0, 123.0), 0.0),
        ((90.0, 0.0), (-90.0, 50.0), np.pi * 6371),
    ],
)
def test_poles_and_date_line(one, other, km) -> None:
    assert error_km([one], [other])[0] == pytest.approx(km, abs=1e-6)


@given(st.lists(st.floats(0, 20016), min_size=1, max_size=30))
def test_the_score_is_a_mean_of_scores(errors) -> None:
    found = summary(torch.tensor(errors, dtype=torch.float64))
    assert 0 < found["GeoScore"] <= 5000 + 1e-9
    assert found["GeoScore"] >= 5000 * np.exp(-found["error/mean_km"] / 1492.7) - 1e-9  # Jensen
    shares = [found[f"Acc@{radius}km"] for radius in RADII_KM]
    assert shares == sorted(shares)


def test_what_is_left_out_counts_nowhere() -> None:
    some = summary(torch.tensor([10.0, 5000.0], dtype=torch.float64))
    assert summary(torch.tensor([10.0, torch.nan, 5000.0], dtype=torch.float64)) == some


def test_intervals_hold_the_value() -> None:
    error = torch.from_numpy(np.random.default_rng(0).exponential(800, 400))
    replicates = geolocation_statistics(error, Bootstrap(torch.arange(400), 200), True)
    for name, value in summary(error).items():
        low, high = interval(replicates[name])
        assert low <= value <= high


def test_mistakes_are_named() -> None:
    with pytest.raises(ConfigError, match="preset='im2gps' must be one of geoloc, osv5m, geoclip"):
        measure_of("im2gps")
    with pytest.raises(CoordinateError, match="row 1"):
        error_km([(0, 0), (np.nan, 0)], [(0, 0), (0, 0)])
