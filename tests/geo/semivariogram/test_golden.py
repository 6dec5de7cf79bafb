"""Conformance with scikit-gstat, GSTools and the thesis recipe."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from geoloc.geo.great_circle import great_circle_km
from geoloc.geo.semivariogram import (
    BinSums,
    Curve,
    Empirical,
    cosine_distance_of_pairs,
    fault_of,
    fit_curve,
    stratified_pairs,
    uniform_edges,
    with_medians,
)
from geoloc.geo.semivariogram.curve import RADIUS_KM
from geoloc.geo.semivariogram.estimators import cressie_hawkins

Arrays = dict[str, np.ndarray]
Golden = Callable[[str], Arrays]


def as_tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float64))


def all_pairs(size: int) -> tuple[np.ndarray, np.ndarray]:
    return np.triu_indices(size, k=1)


class Scene:
    """Pairs of the golden positions with their dissimilarities."""

    def __init__(self, arrays: Arrays, rows: np.ndarray | None = None) -> None:
        first, second = all_pairs(len(arrays["latlon_deg"]))
        if rows is not None:
            chosen = np.isin(first, rows)
            first, second = first[chosen], second[chosen]
        latlon = as_tensor(arrays["latlon_deg"])
        self.edges = as_tensor(arrays["bin_edges_km"])
        self.lag = great_circle_km(latlon[first], latlon[second])
        features = as_tensor(arrays["features"])
        self.scalar = (features[first, 0] - features[second, 0]).square() / 2
        unit = features / features.norm(dim=1, keepdim=True)
        self.cosine = 1 - (unit[first] * unit[second]).sum(dim=1)

    def sums(self, dissimilarity: torch.Tensor) -> BinSums:
        return BinSums.of_pairs(self.edges, self.lag, dissimilarity)


def close(actual: torch.Tensor, expected: np.ndarray, tolerance: float = 1e-9) -> None:
    np.testing.assert_allclose(actual.numpy(), expected, rtol=0, atol=tolerance)


def test_bins_and_estimators_match_the_libraries(golden: Golden) -> None:
    arrays = golden("gg_vario_empirical")
    scene = Scene(arrays)
    vector, scalar = scene.sums(scene.cosine), scene.sums(scene.scalar)
    matheron = vector.empirical()
    np.testing.assert_array_equal(matheron.count.numpy(), arrays["counts"])
    close(matheron.gamma, arrays["mean_cosine_dist"])
    close(matheron.gamma, arrays["sk_matheron_vec"])
    close(matheron.spread, arrays["std_cosine_dist"])
    close(scalar.empirical().gamma, arrays["gs_scalar_matheron"])
    close(scalar.empirical("cressie").gamma, arrays["gs_scalar_cressie"])
    close(vector.empirical("cressie", dims=1).gamma, arrays["sk_cressie_vec"])
    close(vector.empirical("cressie", dims=6).gamma, arrays["ref_cressie_vec_corrected"])
    dowd = with_medians(scalar.empirical(), scene.lag, scene.scalar, "dowd")
    close(dowd.gamma, arrays["sk_dowd_scalar"])


def test_a_decaying_stream_matches_the_reference(golden: Golden) -> None:
    arrays = golden("gg_vario_empirical")
    stream = BinSums.empty(as_tensor(arrays["bin_edges_km"]))
    for rows in np.array_split(np.arange(len(arrays["latlon_deg"])), 4):
        scene = Scene(arrays, rows)
        stream = stream.decayed(float(arrays["ref_ema_beta"])) + scene.sums(scene.cosine)
    points = stream.empirical()
    close(points.count, arrays["ref_ema_count"])
    close(points.gamma, arrays["ref_ema_mean"])
    close(points.spread, arrays["ref_ema_std"])


def test_planar_estimates_match_scikit_gstat(golden: Golden) -> None:
    arrays = golden("gg_vario_planar")
    first, second = all_pairs(len(arrays["z"]))
    lag = as_tensor(np.linalg.norm(arrays["xy_m"][first] - arrays["xy_m"][second], axis=1))
    d = as_tensor((arrays["z"][first] - arrays["z"][second]) ** 2 / 2)
    edges = as_tensor(np.concatenate([[0], arrays["upper_edges"]]))
    sums = BinSums.of_pairs(edges, lag, d)
    points = sums.empirical()
    np.testing.assert_array_equal(points.count.numpy(), arrays["counts"])
    close(points.gamma, arrays["exp_matheron"], 1e-8)
    close(sums.empirical("cressie").gamma, arrays["exp_cressie"], 1e-8)
    close(with_medians(points, lag, d, "dowd").gamma, arrays["exp_dowd"], 1e-8)


def test_bins_of_equal_count_match_scikit_gstat(golden: Golden) -> None:
    arrays = golden("gg_vario_planar")
    first, second = all_pairs(len(arrays["z"]))
    lag = as_tensor(np.linalg.norm(arrays["xy_m"][first] - arrays["xy_m"][second], axis=1))
    d = as_tensor((arrays["z"][first] - arrays["z"][second]) ** 2 / 2)
    near = lag <= 600
    edges = uniform_edges(lag[near], 10)
    close(edges[1:], arrays["uniform_bins"], 1e-8)
    edges[-1] = float(arrays["uniform_bins"][-1])  # scikit-gstat leaves out the farthest pair
    close(BinSums.of_pairs(edges, lag, d).empirical().gamma, arrays["uniform_exp"], 1e-8)


@pytest.mark.parametrize("library", ["sk", "gs"])
@pytest.mark.parametrize("model", ["spherical", "exponential", "gaussian", "stable", "matern"])
def test_models_match_the_libraries(golden: Golden, library: str, model: str) -> None:
    arrays = golden("gg_vario_models")
    reach = float(arrays["sk_range" if library == "sk" else "gs_len_scale"])
    shapes = {"stable": "sk_stable_shape", "matern": "sk_matern_smooth"}
    if library == "gs":
        shapes = {"stable": "gs_alpha", "matern": "gs_nu"}
    shape = float(arrays[shapes[model]]) if model in shapes else 1.0
    scale = {
        ("sk", "exponential"): reach / 3,
        ("sk", "gaussian"): reach / 2,
        ("sk", "stable"): reach / 3 ** (1 / shape),
        ("sk", "matern"): math.sqrt(2) * reach / 4,
        ("gs", "gaussian"): 2 * reach / math.sqrt(math.pi),
        ("gs", "matern"): math.sqrt(2) * reach,
    }.get((library, model), reach)
    curve = Curve(model, float(arrays["nugget"]), float(arrays["partial_sill"]), scale, shape)
    close(curve.gamma(as_tensor(arrays["h"])), arrays[f"{library}_{model}"])


FITS = {
    "thesis_curve": ("stable", "none", 1e-4),
    "gs_spherical_curve": ("spherical", "none", 1e-3),
    "gs_exponential_curve": ("exponential", "none", 1e-3),
    "gs_gaussian_curve": ("gaussian", "none", 1e-3),
    "gs_stable_wls_curve": ("stable", "counts", 1e-3),
    "scipy_stable_wls_curve": ("stable", "counts", 1e-3),
}


@pytest.mark.parametrize("name", FITS)
def test_fitted_curves_match_the_libraries(golden: Golden, name: str) -> None:
    model, weights, tolerance = FITS[name]
    arrays = golden("gg_vario_fit")
    fit = fit_curve(arrays["x_rad"], arrays["y"], arrays["pair_counts"], model, weights)
    close(fit.curve.gamma(as_tensor(arrays["x_rad"])), arrays[name], tolerance)


@pytest.mark.parametrize("model", ["spherical", "exponential", "gaussian"])
@pytest.mark.parametrize("linear", [False, True])
def test_planar_fits_match_scikit_gstat(golden: Golden, model: str, linear: bool) -> None:
    arrays = golden("gg_vario_fit")
    lag, gamma = arrays["sk_planar_bins"], arrays["sk_planar_exp"]
    weights = 1 / lag**2 if linear else "none"
    shrink = {"spherical": 1, "exponential": 3, "gaussian": 2}[model]  # effective range to scale
    upper = (0.99 * gamma.max(), gamma.max(), lag.max() / shrink)
    fit = fit_curve(lag, gamma, np.ones_like(lag), model, weights, upper=upper)
    name = f"sk_planar_{model}{'_siglin' if linear else ''}_curve"
    close(fit.curve.gamma(as_tensor(lag)), arrays[name], 1e-3)


def test_failures_have_the_golden_status(golden: Golden) -> None:
    arrays = golden("gg_vario_failure")
    lag = as_tensor(arrays["centers_km"])
    unknown = torch.full_like(lag, torch.nan)
    edges = torch.cat([torch.zeros(1, dtype=torch.float64), lag + 1])
    for gamma, count, status in zip(
        arrays["gamma"], arrays["counts"], arrays["status"], strict=True
    ):
        points = Empirical(edges, lag, as_tensor(gamma), unknown, as_tensor(count))
        limits = [arrays[key].item() for key in ("n_min", "min_bins", "contrast_min")]
        assert (fault_of(points, *limits) or "ok") == status


def test_the_slope_rule_finds_the_range_of_the_thesis(golden: Golden) -> None:
    arrays = golden("gg_thesis_penalty")
    n, c0, scale, alpha = (
        float(arrays[key]) for key in ("nugget", "var", "len_scale_rad", "alpha")
    )
    curve = Curve("stable", n, c0, scale * RADIUS_KM, alpha)
    assert curve.slope_range_km() == pytest.approx(float(arrays["rho_rad"]) * RADIUS_KM, rel=1e-12)


def test_cosine_distances_of_pairs_match_the_golden_means(golden: Golden) -> None:
    arrays = golden("gg_vario_empirical")
    scene = Scene(arrays)
    pairs = stratified_pairs(arrays["latlon_deg"])
    d = cosine_distance_of_pairs(as_tensor(arrays["features"]), pairs)
    close(d, scene.cosine.numpy(), 1e-12)


def test_the_correction_for_one_dimension_is_the_published_one() -> None:
    total, count = torch.tensor([3.0], dtype=torch.float64), torch.tensor([4.0])
    published = cressie_hawkins(total, count, dims=1)
    derived = cressie_hawkins(total, count, dims=1 + 1e-9)
    assert float(published) == pytest.approx(float(derived), rel=1e-3)
