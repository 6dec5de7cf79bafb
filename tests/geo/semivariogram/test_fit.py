"""Fits of known curves, what has none, files and pictures."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch.multiprocessing import spawn

from geoloc.errors import ConfigError, DatasetError
from geoloc.geo.great_circle import great_circle_km
from geoloc.geo.semivariogram import (
    BinSums,
    Curve,
    Empirical,
    Semivariogram,
    cosine_distance_of_pairs,
    fit_curve,
    fit_semivariogram,
    lag_edges,
    load_semivariogram,
    save_semivariogram,
    stratified_pairs,
)
from geoloc.geo.semivariogram.plot import plot_semivariogram


def points_of(curve: Curve, last_km: float = 10.0, bins: int = 12) -> Empirical:
    edges = torch.linspace(0, last_km, bins + 1, dtype=torch.float64)
    lag = (edges[1:] + edges[:-1]) / 2
    full = torch.full_like(lag, 1000.0)
    return Empirical(edges, lag, curve.gamma(lag), torch.full_like(lag, 0.05), full)


def campus_sums(shuffle: bool, places: int = 400) -> BinSums:
    """Return the sums of places whose features change over about 500 m."""
    rng = np.random.default_rng(0)
    latlon = np.array([30.0, 114.0]) + rng.uniform(0, 0.03, (places, 2))
    x = (latlon - latlon.mean(axis=0)) * 111_195.0
    phase = x @ rng.normal(size=(2, 64)) / 500 + rng.uniform(0, 2 * math.pi, 64)
    features = torch.from_numpy(np.cos(phase) + 0.2 * rng.normal(size=phase.shape))
    if shuffle:
        latlon = rng.permutation(latlon)
    pairs = stratified_pairs(latlon)
    positions = torch.from_numpy(latlon)
    lag = great_circle_km(positions[pairs.first], positions[pairs.second])
    return BinSums.of_pairs(
        lag_edges("uniform", lag), lag, cosine_distance_of_pairs(features, pairs)
    )


@pytest.mark.parametrize("weights", ["cressie", "counts", "counts/h2", "none"])
@pytest.mark.parametrize(
    "curve",
    [
        Curve("spherical", 0.1, 0.4, 6.0),
        Curve("exponential", 0.05, 0.5, 2.0),
        Curve("stable", 0.1, 0.3, 3.0, 1.6),
        Curve("matern", 0.1, 0.4, 2.0, 1.5),
    ],
    ids=lambda curve: curve.model,
)
def test_the_model_that_made_the_points_is_found(curve: Curve, weights: str) -> None:
    points = points_of(curve)
    fit = fit_semivariogram(points, weights=weights)
    assert fit.status == "ok"
    assert fit.curve is not None
    torch.testing.assert_close(fit.curve.gamma(points.lag_km), points.gamma, rtol=1e-5, atol=1e-6)
    assert fit.curve.model in (curve.model, "stable")
    assert fit.r2 > 0.999
    assert fit.range_km == pytest.approx(curve.practical_range_km(), rel=0.02)


def test_weights_pull_the_curve_to_the_counted_bins() -> None:
    points = points_of(Curve("exponential", 0.1, 0.4, 2.0))
    lag, gamma = points.lag_km.numpy(), points.gamma.numpy().copy()
    gamma[0] += 0.2  # an outlier
    count = np.full_like(lag, 1000.0)
    count[0] = 1.0
    plain = fit_curve(lag, gamma, count, "exponential", "none")
    counted = fit_curve(lag, gamma, count, "exponential", "counts")
    inside = torch.from_numpy(lag[1:])
    error = [
        float((fit.curve.gamma(inside) - points.gamma[1:]).abs().max()) for fit in (plain, counted)
    ]
    assert error[1] < 0.1 * error[0]


def test_spatial_features_have_a_curve_and_shuffled_positions_have_none() -> None:
    fit = fit_semivariogram(campus_sums(shuffle=False).empirical())
    assert fit.status == "ok"
    assert 0.2 < fit.range_km < 3
    assert "status ok, " in fit.summary()
    control = fit_semivariogram(campus_sums(shuffle=True).empirical())
    assert (control.status, control.curve) == ("flat", None)
    assert not control.usable
    assert "status flat" in control.summary()


def test_a_rising_but_erratic_semivariogram_is_a_poor_fit() -> None:
    points = points_of(Curve("exponential", 0.1, 0.4, 2.0))
    erratic = torch.tensor([0.2, 0.8, 0.1, 0.9, 0.2, 0.8, 0.1, 0.9, 0.2, 0.9, 0.1, 0.9]).double()
    points = Empirical(points.edges_km, points.lag_km, erratic, points.spread, points.count)
    fit = fit_semivariogram(points)
    assert fit.status == "poor_fit"
    assert not fit.usable


def test_a_curve_that_rises_beyond_the_data_is_at_the_bound() -> None:
    lag = torch.linspace(0.5, 9.5, 12, dtype=torch.float64)
    points = points_of(Curve("exponential", 0.1, 0.4, 2.0))
    straight = Empirical(points.edges_km, lag, 0.1 + 0.03 * lag, points.spread, points.count)
    fit = fit_semivariogram(straight, model="exponential")
    assert fit.status == "range_at_bound"
    assert fit.usable


def test_few_filled_bins_are_too_few() -> None:
    points = points_of(Curve("exponential", 0.1, 0.4, 2.0))
    count = points.count.clone()
    count[4:] = 29
    few = Empirical(points.edges_km, points.lag_km, points.gamma, points.spread, count)
    assert fit_semivariogram(few).status == "too_few_bins"
    assert fit_semivariogram(few, min_pairs=29).status == "ok"


def test_noise_of_few_pairs_is_no_contrast() -> None:
    points = points_of(Curve("exponential", 0.5, 0.03, 2.0))
    assert fit_semivariogram(points).status == "ok"
    noisy = Empirical(
        points.edges_km, points.lag_km, points.gamma, 20 * points.spread, points.count
    )
    assert fit_semivariogram(noisy).status == "flat"


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_file_gives_back_what_was_saved(tmp_path: Path, shuffle: bool) -> None:
    fit = fit_semivariogram(campus_sums(shuffle).empirical())
    save_semivariogram(fit, tmp_path / "curve.json")
    back = load_semivariogram(tmp_path / "curve.json")
    assert (back.status, back.curve) == (fit.status, fit.curve)
    assert back.range_km == fit.range_km or math.isnan(fit.range_km)
    for name in ("edges_km", "lag_km", "gamma", "spread", "count"):
        torch.testing.assert_close(
            getattr(back.empirical, name),
            getattr(fit.empirical, name),
            rtol=0,
            atol=0,
            equal_nan=True,
        )
    assert torch.equal(back.filled, fit.filled)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "its format is 'other'"),
        ({"status": "fine"}, "status 'fine' is unknown"),
        ({"lag_km": [1.0]}, "its columns differ in length"),
        ({"curve": {"model": "linear", "nugget": 0, "partial_sill": 1, "scale_km": 1}}, "model="),
        (None, "it has no 'format'"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, change: dict | None, message: str) -> None:
    file = tmp_path / "curve.json"
    save_semivariogram(fit_semivariogram(points_of(Curve("exponential", 0.1, 0.4, 2.0))), file)
    content = {} if change is None else {**json.loads(file.read_text()), **change}
    file.write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=f"curve.json is no semivariogram .*{message}"):
        load_semivariogram(file)


@pytest.mark.parametrize("suffix", [".svg", ".png"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_the_same_semivariogram_is_the_same_picture(
    tmp_path: Path, suffix: str, shuffle: bool
) -> None:
    fit = fit_semivariogram(campus_sums(shuffle).empirical())
    pictures = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for picture in pictures:
        plot_semivariogram(fit, picture)
    first, second = (picture.read_bytes() for picture in pictures)
    assert first == second
    if suffix == ".svg":
        assert f"Semivariogram: {fit.status}" in first.decode()
        assert ("range" in first.decode()) == (not shuffle)


def test_pictures_of_other_kinds_are_refused(tmp_path: Path) -> None:
    points = points_of(Curve("exponential", 0.1, 0.4, 2.0))
    with pytest.raises(ConfigError, match=r"must end in \.svg or \.png"):
        plot_semivariogram(fit_semivariogram(points), tmp_path / "curve.pdf")


def test_unknown_options_are_named() -> None:
    points = points_of(Curve("exponential", 0.1, 0.4, 2.0))
    with pytest.raises(ConfigError, match="model='linear' must be one of"):
        fit_semivariogram(points, model="linear")
    with pytest.raises(ConfigError, match="weights='even' must be one of"):
        fit_semivariogram(points, weights="even")
    with pytest.raises(ConfigError, match="range_rule='95' must be one of"):
        fit_semivariogram(points, range_rule="95")


def reduce_share(rank: int, folder: Path) -> None:
    store = dist.FileStore(str(folder / "store"), 2)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2)
    table = torch.from_numpy(np.random.default_rng(0).uniform(0, 2, (100, 2)))[rank::2]
    edges = torch.tensor([0.0, 0.5, 1.0, 2.0], dtype=torch.float64)
    total = BinSums.of_pairs(edges, *table.T).all_reduced()
    torch.save(total.sums, folder / f"sums{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_have_the_sums_of_all_pairs(tmp_path: Path) -> None:
    spawn(reduce_share, (tmp_path,), nprocs=2)
    table = torch.from_numpy(np.random.default_rng(0).uniform(0, 2, (100, 2)))
    edges = torch.tensor([0.0, 0.5, 1.0, 2.0], dtype=torch.float64)
    whole = BinSums.of_pairs(edges, *table.T)
    assert torch.equal(whole.all_reduced().sums, whole.sums)
    for rank in range(2):
        total = torch.load(tmp_path / f"sums{rank}.pt", weights_only=True)
        torch.testing.assert_close(total, whole.sums, rtol=1e-14, atol=0)


def test_an_unusable_semivariogram_has_no_curve_to_read() -> None:
    points = points_of(Curve("exponential", 0.1, 0.4, 2.0))
    assert not Semivariogram(points, points.count > 0, "poor_fit").usable
