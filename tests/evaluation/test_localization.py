import math

import pytest
import torch

from geoloc.evaluation.localization import localization_error_summary, spatial_distance_metric


def test_the_localization_error_is_summarised_in_metres_and_percent():
    error = torch.tensor([0.0, 25.0, 26.0, 300.0])
    assert localization_error_summary(error) == {
        "median_m": 25.5,
        "mean_m": 87.75,
        "within_25m": 50.0,
        "within_50m": 75.0,
        "within_100m": 75.0,
        "within_200m": 75.0,
    }
    assert localization_error_summary(error, radii_m=[0.5])["within_0.5m"] == 25.0


@pytest.mark.parametrize("error", [[], [[1.0]], [1.0, math.nan], [math.inf], [-1.0]], ids=str)
def test_impossible_errors_are_refused(error):
    with pytest.raises(ValueError, match="error_m must be"):
        localization_error_summary(torch.tensor(error))


def test_the_spatial_distance_metric_matches_dense_uav(golden):
    vectors = golden("cv_geo_helpers")
    degrees = torch.from_numpy(vectors["dense_euclid_deg"])[None]
    for k, expected in zip(vectors["dense_sdm_k"], vectors["dense_sdm"], strict=True):
        value = spatial_distance_metric(degrees[:, :k], scale=1 / 5000).item()
        assert value == pytest.approx(float(expected), rel=1e-6)


def test_the_spatial_distance_metric_prefers_near_results_first():
    near, far = torch.tensor([[0.0, 100.0]]), torch.tensor([[100.0, 0.0]])
    assert spatial_distance_metric(torch.zeros(1, 3)).item() == 1
    assert spatial_distance_metric(near).item() == pytest.approx((2 + math.exp(-100 / 22.24)) / 3)
    assert spatial_distance_metric(near) > spatial_distance_metric(far)
    with pytest.raises(ValueError, match="K >= 1"):
        spatial_distance_metric(torch.zeros(2, 0))
    with pytest.raises(ValueError, match="finite"):
        spatial_distance_metric(torch.tensor([[math.nan]]))
