"""The radius holds the true position as often as it says."""

from pathlib import Path

import numpy as np
import pytest

from geoloc.errors import ConfigError, GalleryError
from geoloc.localization.radius_calibration import RadiusCalibration, fit_radius


def photos(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return features, and errors whose scale depends on them, with heavy tails."""
    features = rng.normal(size=(count, 3))
    scale = np.exp(3 + features[:, 0] - 0.5 * features[:, 1])
    return features, scale * np.abs(rng.standard_t(2, count))


@pytest.mark.parametrize(("confidence", "count"), [(0.9, 40), (0.5, 10), (0.8, 61)])
def test_coverage_is_within_the_bounds_of_the_guarantee(confidence: float, count: int) -> None:
    rng = np.random.default_rng(0)
    coverage = []
    for seed in range(600):
        calibration = fit_radius(*photos(rng, count), confidence, seed=seed)
        features, errors_m = photos(rng, 200)
        coverage.append((errors_m <= calibration.radius_m(features)).mean())
    held_out = count - count // 2
    sampling = 4 * np.std(coverage) / np.sqrt(len(coverage))
    assert np.mean(coverage) >= confidence - sampling
    assert np.mean(coverage) <= confidence + 1 / (held_out + 1) + sampling


def test_radii_follow_the_features() -> None:
    rng = np.random.default_rng(1)
    calibration = fit_radius(*photos(rng, 2000), 0.9)
    easy, hard = calibration.radius_m(np.array([[-2.0, 0, 0], [2.0, 0, 0]]))
    assert hard > 10 * easy
    # features that were never seen do not blow up
    assert np.isfinite(calibration.radius_m(np.array([[1e9, -1e9, 0]]))).all()


def test_constant_features_and_exact_answers() -> None:
    calibration = fit_radius(np.ones((30, 3)), np.zeros(30), 0.9)
    assert calibration.radius_m(np.ones((1, 3)))[0] == 0


def test_it_is_stored(tmp_path: Path) -> None:
    calibration = fit_radius(*photos(np.random.default_rng(2), 50), 0.8, {"top_k": 5})
    calibration.save(tmp_path / "c.json")
    assert RadiusCalibration.load(tmp_path / "c.json") == calibration
    (tmp_path / "c.json").write_text('{"confidence": 1}')
    with pytest.raises(GalleryError, match=r"c\.json"):
        RadiusCalibration.load(tmp_path / "c.json")


def test_what_cannot_be_promised_is_refused() -> None:
    features, errors_m = photos(np.random.default_rng(3), 17)
    with pytest.raises(ConfigError, match=r"at least 18 photos.*got 17"):
        fit_radius(features, errors_m, 0.9)
    fit_radius(*photos(np.random.default_rng(3), 18), 0.9)
    with pytest.raises(ConfigError, match="confidence=1"):
        fit_radius(features, errors_m, 1.0)
    with pytest.raises(ConfigError, match="got 0"):
        fit_radius(np.empty((0, 3)), np.empty(0), 0.5)
