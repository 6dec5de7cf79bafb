"""Invariants of the accumulators, the estimators, the models and the sampling of pairs."""

import itertools
import math
import statistics

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geoloc.errors import ConfigError, CoordinateError
from geoloc.geo import geodesic_distance
from geoloc.geo.great_circle import great_circle_km
from geoloc.geo.semivariogram import (
    MODELS,
    BinSums,
    Curve,
    correlation,
    lag_edges,
    linear_edges,
    log_edges,
    stratified_pairs,
    uniform_edges,
    with_medians,
)
from geoloc.geo.semivariogram.estimators import effective_dims

EDGES = torch.tensor([0.0, 1.0, 2.5, 7.0], dtype=torch.float64)
PAIR = st.tuples(st.floats(0, 9), st.floats(0, 2))
PAIRS = st.lists(PAIR, max_size=12)


def root_moments(dims: int) -> tuple[float, float]:
    """Return mean and variance of sqrt|g| for Gaussian g of mean square 1, by quadrature."""
    radius = np.linspace(1e-6, 8, 200_001)
    density = radius ** (dims - 1) * np.exp(-dims / 2 * radius**2)
    density /= density.sum()
    mean = float((np.sqrt(radius) * density).sum())
    return mean, float((radius * density).sum()) - mean**2


ROOT_MOMENTS = root_moments(3)


def sums(pairs: list[tuple[float, float]]) -> BinSums:
    table = torch.tensor(pairs, dtype=torch.float64).reshape(-1, 2)
    return BinSums.of_pairs(EDGES, table[:, 0], table[:, 1])


@given(PAIRS, PAIRS, PAIRS)
def test_merging_is_associative_and_the_same_as_one_pass(
    a: list[tuple[float, float]], b: list[tuple[float, float]], c: list[tuple[float, float]]
) -> None:
    left, right = (sums(a) + sums(b)) + sums(c), sums(a) + (sums(b) + sums(c))
    torch.testing.assert_close(left.sums, right.sums, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(left.sums, sums(a + b + c).sums, rtol=1e-12, atol=1e-12)
    assert torch.equal((sums(a) + BinSums.empty(EDGES)).sums, sums(a).sums)


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_matter(pairs: list[tuple[float, float]], random) -> None:
    shuffled = pairs.copy()
    random.shuffle(shuffled)
    torch.testing.assert_close(sums(shuffled).sums, sums(pairs).sums, rtol=1e-12, atol=1e-12)


@given(PAIRS)
def test_estimates_match_plain_loops(pairs: list[tuple[float, float]]) -> None:
    stream = sums(pairs)
    points, robust = stream.empirical(), stream.empirical("cressie", dims=3)
    lag, d = torch.tensor(pairs, dtype=torch.float64).reshape(-1, 2).T
    medians = with_medians(points, lag, d, "median")
    m, v = ROOT_MOMENTS
    for k, (low, high) in enumerate(itertools.pairwise(EDGES.tolist())):
        inside = [(h, x) for h, x in pairs if low <= h < high]
        n = len(inside)
        assert points.count[k] == n
        if not n:
            assert all(
                math.isnan(x[k])
                for x in (points.gamma, points.lag_km, points.spread, robust.gamma, medians.gamma)
            )
            continue
        values = [x for _, x in inside]
        assert points.gamma[k] == pytest.approx(statistics.fmean(values), abs=1e-12)
        assert points.lag_km[k] == pytest.approx(statistics.fmean(h for h, _ in inside), abs=1e-12)
        assert points.spread[k] == pytest.approx(statistics.pstdev(values), abs=1e-7)
        lengths = [math.sqrt(2 * x) for x in values]
        expected = 0.5 * statistics.fmean(math.sqrt(x) for x in lengths) ** 4
        expected /= m**4 + 6 * m**2 * v / n + 3 * v**2 / n**2
        assert robust.gamma[k] == pytest.approx(expected, rel=1e-3, abs=1e-12)
        assert medians.gamma[k] == pytest.approx(statistics.median(lengths) ** 2 / 2, abs=1e-12)


@given(
    st.sampled_from(MODELS),
    st.floats(0.01, 100),
    st.sampled_from([0.2, 0.5, 0.8, 1.5, 2.0]),
)
def test_models_rise_from_the_nugget_to_the_sill(model: str, scale: float, shape: float) -> None:
    curve = Curve(model, 0.1, 0.5, scale, shape)
    lag = torch.cat([torch.zeros(1), torch.logspace(-6, 6, 200)]).double() * scale
    gamma = curve.gamma(lag)
    assert gamma.isfinite().all()
    assert gamma[0] == 0.1
    assert (gamma.diff() >= -1e-12).all()
    assert gamma[-1] == pytest.approx(0.6, abs=1e-3)
    reached = curve.gamma(torch.tensor(curve.practical_range_km(), dtype=torch.float64))
    assert float(reached) == pytest.approx(0.1 + 0.95 * 0.5, abs=1e-6)


@pytest.mark.parametrize(
    ("model", "shape", "ratio"),
    [
        ("spherical", 1.0, 0.811),
        ("exponential", 1.0, 2.996),
        ("gaussian", 1.0, 1.731),
        ("stable", 0.5, 2.9957**2),
    ],
)
def test_practical_ranges_are_those_of_the_textbook(model: str, shape: float, ratio: float) -> None:
    assert Curve(model, 0.0, 1.0, 2.0, shape).practical_range_km() == pytest.approx(
        2 * ratio, rel=1e-3
    )


@pytest.mark.parametrize("smoothness", [0.5, 1.5, 2.5])
def test_closed_forms_of_matern_are_its_bessel_function(smoothness: float) -> None:
    lag = torch.logspace(-3, 2, 50, dtype=torch.float64)
    closed = correlation("matern", lag, 3.0, smoothness)
    general = correlation("matern", lag, 3.0, smoothness + 1e-9)
    torch.testing.assert_close(closed, general, rtol=1e-6, atol=1e-9)


def test_a_curve_that_starts_flat_has_a_range_all_the_same() -> None:
    smooth = Curve("stable", 0.1, 0.2, 4000.0, 2.0)
    assert smooth.slope_range_km() > 4000
    level = Curve("exponential", 0.1, 0.9, 2e4)  # rises as far as the Earth goes
    assert level.slope_range_km() == pytest.approx(math.pi * 6371)


def test_great_circles_are_within_half_a_percent_of_the_ellipsoid() -> None:
    rng = np.random.default_rng(0)
    latlon = np.stack([rng.uniform(-90, 90, 40), rng.uniform(-180, 180, 40)], axis=1)
    latlon[1] = latlon[0] + [4e-6, 0]  # half a metre
    points = torch.from_numpy(latlon)
    sphere = great_circle_km(points[:, None], points).numpy()
    ellipsoid = geodesic_distance(latlon, latlon) / 1000
    np.testing.assert_allclose(sphere, ellipsoid, rtol=5.7e-3, atol=1e-9)


def test_few_places_give_all_pairs_and_many_a_near_and_a_random_half() -> None:
    rng = np.random.default_rng(0)
    latlon = np.stack([rng.uniform(-60, 60, 500), rng.uniform(-180, 180, 500)], axis=1)
    every = stratified_pairs(latlon)
    assert len(every.first) == 500 * 499 // 2
    some = stratified_pairs(latlon, num_pairs=4000, neighbours=5)
    assert (some.first < some.second).all()
    keys = set(zip(some.first.tolist(), some.second.tolist(), strict=True))
    assert len(keys) == len(some.first)
    assert 3500 < len(keys) <= 4000
    near = geodesic_distance(latlon, latlon) + np.diag(np.full(500, np.inf))
    for i in range(0, 500, 50):  # all neighbours of every place are there
        for j in np.argsort(near[i])[:5].tolist():
            assert (min(i, j), max(i, j)) in keys
    again = stratified_pairs(latlon, num_pairs=4000, neighbours=5)
    assert np.array_equal(again.first, some.first)


def test_bins_have_the_widths_they_are_named_after() -> None:
    lag = torch.from_numpy(np.random.default_rng(0).uniform(0, 3, 1000) ** 2)
    assert log_edges(4, 1.0, 1000.0).tolist() == pytest.approx([0, 1, 10, 100, 1000])
    assert linear_edges(4, 2.0).tolist() == [0, 0.5, 1, 1.5, 2]
    for edges, pairs in ((uniform_edges(lag, 8), lag), (lag_edges("uniform", lag), lag[lag <= 2])):
        count = BinSums.of_pairs(edges, lag, lag).empirical().count
        assert count.sum() == len(pairs)
        assert count.max() - count.min() <= 1
    assert lag_edges("linear", lag)[-1] > lag.max()


def test_impossible_bins_and_positions_are_named() -> None:
    with pytest.raises(ConfigError, match="3 pairs of places do not fill 5 bins"):
        uniform_edges(torch.rand(3), 5)
    with pytest.raises(ConfigError, match="at the same distance that 4 bins of equal count"):
        uniform_edges(torch.ones(100), 4)
    with pytest.raises(ConfigError, match="binning='even' must be one of log, uniform, linear"):
        lag_edges("even", torch.rand(3))
    with pytest.raises(ConfigError, match="bins=0 must be at least 1"):
        linear_edges(0, 1.0)
    with pytest.raises(CoordinateError, match=r"row 1: lat=95\.0"):
        stratified_pairs([[0.0, 0.0], [95.0, 0.0]])
    with pytest.raises(ConfigError, match="does not work on sums; use one of matheron, cressie"):
        sums([]).empirical("dowd")
    with pytest.raises(ValueError, match="different bins"):
        sums([]) + BinSums.empty(EDGES[:2])


def test_the_effective_dimension_counts_equal_axes() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(20_000, 5, generator=generator, dtype=torch.float64)
    assert effective_dims(x) == pytest.approx(5, rel=0.02)
    assert effective_dims(x * torch.tensor([1.0, 1.0, 0, 0, 0])) == pytest.approx(2, rel=0.02)
