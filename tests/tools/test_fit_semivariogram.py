"""The command that fits a semivariogram, run as a user would."""

from pathlib import Path

import numpy as np
import pytest

from geoloc.evaluation.place_features import read_npz_features, read_run_features
from geoloc.geo.semivariogram import load_semivariogram
from tests.conftest import one_campus


def spatial_features(latlon: np.ndarray, scale_deg: float) -> np.ndarray:
    rng = np.random.default_rng(1)
    phase = latlon @ rng.normal(size=(2, 48)) / scale_deg + rng.uniform(0, 6, 48)
    return np.cos(phase) + 0.1 * rng.normal(size=phase.shape)


def write_run(folder: Path, places: int = 120, positions: bool = True) -> Path:
    folder.mkdir()
    index = one_campus(places, views=3, spread_deg=0.03)
    features = spatial_features(index.image_latlon, 0.008)
    features[index.view == "satellite"] *= -1  # views are not comparable with each other
    np.save(folder / "descriptors.npy", features.astype(np.float32))
    index.to_csv(folder / "index.csv")
    return folder


def write_npz(path: Path, places: int = 300, **changes: object) -> Path:
    rng = np.random.default_rng(0)
    latlon = np.stack([rng.uniform(-60, 60, places), rng.uniform(-170, 170, places)], axis=1)
    arrays = {
        "filenames": np.array([f"{k}.jpg" for k in range(places)]),
        "embeddings": spatial_features(latlon, 20.0),
        "coordinates": latlon,
    }
    arrays |= changes
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


def test_a_run_gives_a_curve_a_picture_and_a_control(run_tool, tmp_path):
    run = write_run(tmp_path / "run")
    done = run_tool("fit_semivariogram.py", run, "--bins", 8)
    assert done.returncode == 0, done.stderr
    assert "status ok, " in done.stdout
    fit = load_semivariogram(run / "semivariogram.json")
    assert fit.usable
    assert len(fit.empirical.count) == 8
    assert (run / "semivariogram.svg").read_text().startswith("<?xml")
    done = run_tool(
        "fit_semivariogram.py", run, "--shuffle", "--out", "control.json", "--picture", ".png"
    )
    assert "status flat, " in done.stdout
    assert (tmp_path / "control.png").is_file()


def test_frozen_features_of_photos_give_a_global_curve(run_tool, tmp_path):
    file = write_npz(tmp_path / "photos.npz", places=600)
    done = run_tool("fit_semivariogram.py", file, "--estimator", "median", "--model", "stable")
    assert done.returncode == 0, done.stderr
    fit = load_semivariogram(tmp_path / "semivariogram.json")
    assert fit.estimator == "median"
    assert len(fit.empirical.count) == 40
    assert fit.curve is not None
    assert 500 < fit.range_km < 15_000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"coordinates": None}, "photos.npz has no array coordinates; it needs filenames"),
        ({"coordinates": np.full((300, 2), 95.0)}, "coordinates: row 0: lat=95.0 is outside"),
        ({"coordinates": np.zeros((299, 2))}, "299 coordinates must be equally many"),
        ({"embeddings": np.zeros((300, 4))}, "row 0 of embeddings is zero or not finite"),
    ],
    ids=["missing", "latitude", "length", "zero"],
)
def test_bad_files_get_a_sentence(run_tool, tmp_path, changes, message):
    done = run_tool("fit_semivariogram.py", write_npz(tmp_path / "photos.npz", **changes))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert message in done.stderr


@pytest.mark.parametrize("binning", ["uniform", "log"])
def test_fewer_pairs_than_bins_are_refused(run_tool, tmp_path, binning):
    run = write_run(tmp_path / "run", places=4)
    done = run_tool("fit_semivariogram.py", run, "--binning", binning, "--max-km", 50)
    assert done.returncode == 1
    assert "6 pairs of places" in done.stderr
    done = run_tool("fit_semivariogram.py", tmp_path)
    assert "is no run folder: it has no descriptors.npy" in done.stderr


def test_every_place_counts_once_per_view(tmp_path):
    run = write_run(tmp_path / "run", places=5)
    rows = np.load(run / "descriptors.npy")
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    mean, latlon = read_run_features(run)
    first, _ = read_run_features(run, "first")
    assert mean.shape == first.shape == (2, 5, 48)
    assert latlon.shape == (5, 2)
    # drone images come first, three per place
    np.testing.assert_allclose(first[0], rows[:15:3], rtol=1e-6)
    expected = rows[:15].reshape(5, 3, 48).sum(axis=1)
    np.testing.assert_allclose(mean[0], expected, rtol=1e-5)
    features, _ = read_npz_features(write_npz(tmp_path / "photos.npz", places=7))
    assert features.shape == (1, 7, 48)
