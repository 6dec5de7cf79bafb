"""The reweighted InfoNCE against the thesis code, the reference of the spec and plain loops."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from geoloc.datasets.place_levels import DistanceLevels, LabelTreeLevels
from geoloc.errors import ConfigError, DatasetError
from geoloc.geo.great_circle import RADIUS_KM, great_circle_km
from geoloc.geo.semivariogram import Curve, Empirical, Semivariogram
from geoloc.models.losses import InfoNCELoss, SemivariogramInfoNCELoss
from geoloc.models.losses.weighted_infonce import infonce_of_logits

CURVE = Curve("stable", 0.12, 0.3, 1146.78, 0.8)
MODES = ("additive_log", "logit_scale", "hcl_beta", "mask_fn", "soft_label")


def fit_of(curve: Curve, range_km: float, lag_km: Tensor, spread: Tensor) -> Semivariogram:
    """Return a usable semivariogram, as a fit would."""
    edges = torch.linspace(0, 1e6, len(lag_km) + 1, dtype=torch.float64)
    points = Empirical(edges, lag_km, curve.gamma(lag_km), spread, torch.full_like(lag_km, 100))
    filled = torch.ones(len(lag_km), dtype=torch.bool)
    return Semivariogram(points, filled, "ok", curve, range_km, 0.9)


def fitted_loss(**options: object) -> SemivariogramInfoNCELoss:
    """Return a loss with a curve on the scale of 1000 km."""
    loss = SemivariogramInfoNCELoss(**options)
    lag = torch.linspace(100, 15000, 8, dtype=torch.float64)
    assert loss.take(fit_of(CURVE, 3000.0, lag, torch.full_like(lag, 0.1)), "the test")
    return loss


def batch(rows: int = 5, columns: int = 9, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 5 * torch.randn(rows, columns, generator=generator, dtype=torch.float64)
    d = torch.rand(rows, columns, generator=generator, dtype=torch.float64)
    h = 8000 * torch.rand(rows, columns, generator=generator, dtype=torch.float64) ** 2
    return logits, d, h, torch.eye(rows, columns, dtype=torch.bool)


def arrays_as_tensors(arrays: dict[str, np.ndarray]) -> dict[str, Tensor]:
    return {
        key: torch.from_numpy(np.asarray(value, dtype=np.float64)) for key, value in arrays.items()
    }


@pytest.mark.parametrize("normalised", [False, True])
def test_value_and_gradient_match_the_reference(golden, normalised):
    g = arrays_as_tensors(golden("gg_srcl_reference"))
    keys = ("lambda_h", "lambda_f", "z_h", "z_f", "sigma_min", "w_min", "w_max")
    loss = SemivariogramInfoNCELoss(
        emphasis={key: float(g[key]) for key in keys}, normalize_weights=normalised
    )
    curve = Curve("stable", *(float(g[key]) for key in ("nugget", "psill", "scale_km", "alpha")))
    loss.take(fit_of(curve, 1.0, g["sigma_bin_centers_km"], g["sigma_bin_std"]), "golden")
    logits = g["logits"].clone().requires_grad_()
    positives = torch.eye(*logits.shape, dtype=torch.bool)
    value = loss.from_logits(logits, g["cos_dist"], g["h_km"], positives)
    value.backward()
    suffix = "_normalised" if normalised else ""
    assert value.item() == pytest.approx(float(g[f"loss{suffix}"]), abs=1e-9)
    torch.testing.assert_close(logits.grad, g[f"grad_logits{suffix}"], rtol=0, atol=1e-9)
    log_w = g[f"log_w{suffix}"].masked_fill(positives, 0)
    other = F.cross_entropy(g["logits"] + log_w, torch.arange(len(logits)))
    assert value.item() == pytest.approx(other.item(), abs=1e-9)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"mode": "logit_scale"}, "penalty5"),
        ({"mode": "hcl_beta"}, "penalty2"),
        ({"mode": "hcl_beta", "beta": 1.0}, "weighted"),
    ],
)
def test_modes_match_the_thesis_code(golden, options, name):
    g = arrays_as_tensors(golden("gg_thesis_penalty"))
    n, c0, scale, alpha = (float(g[key]) for key in ("nugget", "var", "len_scale_rad", "alpha"))
    curve = Curve("stable", n, c0, scale * RADIUS_KM, alpha)
    lag = torch.tensor([1.0, 2.0], dtype=torch.float64)
    loss = SemivariogramInfoNCELoss(**options)
    loss.take(fit_of(curve, float(g["rho_rad"]) * RADIUS_KM, lag, torch.ones_like(lag)), "golden")
    size, columns = g["logits"].shape
    latlon = g["latlon_deg"]
    h = great_circle_km(latlon[:size, None], latlon)
    torch.testing.assert_close(h / RADIUS_KM, g["gc_rad"], rtol=0, atol=1e-9)
    unit = F.normalize(g["embeddings"])
    d = 1 - unit[:size] @ unit.T
    positives = torch.eye(size, columns, dtype=torch.bool)
    value = loss.from_logits(g["logits"], d, h, positives)
    assert value.item() == pytest.approx(float(g[f"loss_{name}"]), abs=1e-6)
    expected = F.cross_entropy(g[f"logits_{name}"], torch.arange(size))
    assert value.item() == pytest.approx(expected.item(), abs=1e-9)


def test_additive_weights_match_plain_loops():
    logits, d, h, positives = batch()
    positives[0, 3] = True  # two positives in a row
    known = torch.ones_like(positives)
    known[1, 5] = known[4, 8] = False
    logits[2, 6] = -math.inf  # an empty slot of a queue
    same_km, spread = 20.0, 0.1
    h[3, 7] = 19.0
    loss = fitted_loss(same_place_m=1000 * same_km, emphasis={"lambda_g": 0.3})
    total = 0.0
    for i in range(len(logits)):
        above = below = 0.0
        for j in range(logits.shape[1]):
            power = math.exp(logits[i, j])
            if positives[i, j]:
                above += power
                continue
            if h[i, j] < same_km:
                continue
            r = math.exp(-((float(h[i, j]) / 1146.78) ** 0.8))
            z = (0.12 + 0.3 * (1 - r) - float(d[i, j])) / spread
            score = 0.5 * (1 - r) * max(z, 0) - r * max(z + 1, 0) + 0.3 * r * max(-z - 1, 0)
            weight = min(max(math.exp(score), 0.1), 4.0) if known[i, j] else 1.0
            below += weight * power
        total += -math.log(above / (above + below))
    value = loss.from_logits(logits, d, h, positives, known)
    assert value.item() == pytest.approx(total / len(logits), rel=1e-12)


def test_mask_and_soft_labels_match_plain_loops():
    logits, d, h, positives = batch(seed=1)
    masked = fitted_loss(mode="mask_fn", mask_threshold=0.5).from_logits(logits, d, h, positives)
    soft = fitted_loss(mode="soft_label").from_logits(logits, d, h, positives)
    own = SemivariogramInfoNCELoss(mode="soft_label", label_scale_km=50.0)
    near = own.from_logits(logits, d, h, positives)
    total_masked = total_soft = total_near = 0.0
    masks = 0
    for i in range(len(logits)):
        r = [math.exp(-((float(x) / 1146.78) ** 0.8)) for x in h[i]]
        z = [(0.12 + 0.3 * (1 - ri) - float(x)) / 0.1 for ri, x in zip(r, d[i], strict=True)]
        kept = [
            math.exp(logits[i, j])
            for j in range(len(r))
            if j == i or not r[j] * max(z[j] + 1, 0) > 0.5
        ]
        masks += len(r) - len(kept)
        total_masked -= math.log(math.exp(logits[i, i]) / sum(kept))
        log_share = [float(x) for x in logits[i] - logits[i].logsumexp(0)]
        for scale in (1146.78, 50.0):
            target = [1.0 if j == i else math.exp(-float(h[i, j]) / scale) for j in range(len(r))]
            term = -sum(t * s for t, s in zip(target, log_share, strict=True)) / sum(target)
            if scale == 50.0:
                total_near += term
            else:
                total_soft += term
    assert masks > 3
    assert masked.item() == pytest.approx(total_masked / len(logits), rel=1e-12)
    assert soft.item() == pytest.approx(total_soft / len(logits), rel=1e-12)
    assert near.item() == pytest.approx(total_near / len(logits), rel=1e-12)


@pytest.mark.parametrize("normalised", [False, True])
@given(seed=st.integers(0, 10_000))
def test_the_gradient_is_the_weighted_softmax(normalised, seed):
    logits, d, h, positives = batch(seed=seed)
    logits.requires_grad_()
    loss = fitted_loss(normalize_weights=normalised)
    value = loss.from_logits(logits, d, h, positives)
    (grad,) = torch.autograd.grad(value, logits)
    assert (grad[positives] <= 0).all()
    assert (grad[~positives] >= 0).all()
    torch.testing.assert_close(grad.sum(dim=1), torch.zeros(5, dtype=torch.float64))
    plain = infonce_of_logits(logits, positives, ~positives)
    (plain_grad,) = torch.autograd.grad(plain, logits)
    # the ratio of the gradients of two negatives is w_j / w_k times that without weights
    odds = (grad / plain_grad)[~positives].reshape(5, -1)
    assert (odds.amax(dim=1) / odds.amin(dim=1) <= 4 / 0.1 + 1e-6).all()


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "hcl_beta"])
def test_gradients_match_finite_differences(mode):
    logits, d, h, positives = batch(rows=3, columns=5)
    loss = fitted_loss(mode=mode)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda s: loss.from_logits(s, d, h, positives), logits)


@pytest.mark.parametrize("mode", MODES)
def test_without_a_fit_it_is_plain_infonce_to_the_bit(mode):
    logits, d, h, positives = batch()
    logits = logits.float()
    loss = SemivariogramInfoNCELoss(mode=mode)
    with pytest.warns(UserWarning, match="works as plain InfoNCE: there is no fitted"):
        value = loss.from_logits(logits, d, h, positives)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # one warning is enough
        again = loss.from_logits(logits, d, h, positives)
    plain = infonce_of_logits(logits, positives, ~positives)
    assert value.item() == again.item() == plain.item()
    assert value.item() == pytest.approx(
        F.cross_entropy(logits, torch.arange(len(logits))).item(), rel=1e-6
    )


@pytest.mark.parametrize(
    "mode", ["additive_log", "logit_scale", "hcl_beta", "mask_fn", "soft_label"]
)
def test_the_ramp_begins_at_plain_infonce(mode):
    logits, d, h, positives = batch()
    loss = fitted_loss(mode=mode, mask_threshold=0.1)
    full = loss.from_logits(logits, d, h, positives).item()
    loss.ramp = 0.0
    start = loss.from_logits(logits, d, h, positives).item()
    plain = infonce_of_logits(logits, positives, ~positives).item()
    assert start == pytest.approx(plain, rel=1e-12)
    assert full != pytest.approx(plain, rel=1e-3)


def test_weights_of_one_are_plain_infonce_to_the_bit():
    logits, d, h, positives = batch()
    loss = fitted_loss(emphasis={"lambda_h": 0.0, "lambda_f": 0.0})
    plain = infonce_of_logits(logits, positives, ~positives)
    assert loss.from_logits(logits, d, h, positives).item() == plain.item()
    unknown = torch.zeros_like(positives)
    for mode in ("additive_log", "logit_scale", "hcl_beta", "mask_fn"):
        other = fitted_loss(mode=mode)
        assert other.from_logits(logits, d, h, positives, unknown).item() == plain.item()


@pytest.mark.parametrize("mode", MODES)
def test_empty_slots_do_not_exist(mode):
    logits, d, h, positives = batch()
    known = torch.ones_like(positives)
    known[:, 6:] = False
    loss = fitted_loss(mode=mode)
    padded = logits.clone()
    padded[:, 6:] = -math.inf
    padded.requires_grad_()
    unknown = torch.where(known, 0, torch.nan)
    value = loss.from_logits(padded, d + unknown, h + unknown, positives, known)
    value.backward()
    short = loss.from_logits(*(x[:, :6] for x in (logits, d, h, positives)))
    assert value.item() == pytest.approx(short.item(), rel=1e-12)
    assert padded.grad.isfinite().all()
    assert (padded.grad[:, 6:] == 0).all()


# ---- as a pair loss ----


def places_around_a_campus(count: int = 12, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.array([30.0, 114.0]) + rng.uniform(0, 0.02, (count, 2))


def campus_loss(**options: object) -> SemivariogramInfoNCELoss:
    loss = SemivariogramInfoNCELoss(**options)
    loss.set_place_levels(DistanceLevels.from_positions(places_around_a_campus(), (3, 200, 500)))
    return loss


def campus_fit() -> Semivariogram:
    lag = torch.linspace(0.1, 2, 6, dtype=torch.float64)
    return fit_of(Curve("exponential", 0.2, 0.7, 0.5), 1.5, lag, torch.full_like(lag, 0.2))


def pair_batch(size: int = 6, dtype: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(3)
    query, gallery = F.normalize(torch.randn(2, size, 8, generator=generator, dtype=dtype), dim=-1)
    places = torch.randperm(12, generator=generator)[:size]
    levels = 3 * torch.eye(size, dtype=torch.int8)
    return query, gallery, levels, places


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_as_a_pair_loss_without_a_fit_it_is_infonce_to_the_bit(dtype):
    query, gallery, levels, places = pair_batch(dtype=dtype)
    with pytest.warns(UserWarning, match="plain InfoNCE"):
        value = campus_loss().both_directions(query, gallery, levels, places)
    assert value.item() == InfoNCELoss().both_directions(query, gallery, levels).item()


@pytest.mark.parametrize("source", ["mean", "query", "gallery", "cross"])
def test_a_pair_loss_measures_the_distances_of_its_places(source):
    query, gallery, levels, places = pair_batch()
    loss = campus_loss(d_source=source, scale=10.0)
    loss.take(campus_fit(), "the test")
    latlon = torch.from_numpy(places_around_a_campus())[places]
    h = great_circle_km(latlon[:, None], latlon)
    d = {
        "query": 1 - query @ query.T,
        "gallery": 1 - gallery @ gallery.T,
        "cross": 1 - query @ gallery.T,
    }
    d["mean"] = (d["query"] + d["gallery"]) / 2
    logits, positives = 10 * query @ gallery.T, levels == 3
    there = loss.from_logits(logits, d[source], h, positives)
    back = loss.from_logits(logits.T, d[source].T, h.T, positives)
    value = loss(query, gallery, levels, places)
    both = loss.both_directions(query, gallery, levels, places)
    assert value.item() == pytest.approx(there.item(), rel=1e-12)
    assert both.item() == pytest.approx((there.item() + back.item()) / 2, rel=1e-12)
    assert value.item() != pytest.approx(
        InfoNCELoss(scale=10.0)(query, gallery, levels).item(), rel=1e-4
    )


def test_within_one_view_no_image_is_its_own_candidate():
    query, _, _, places = pair_batch()
    places[1] = places[0]
    levels = torch.where(places[:, None] == places, 3, 0)
    loss = campus_loss(scale=10.0)
    loss.take(campus_fit(), "the test")
    cosines = query @ query.T
    latlon = torch.from_numpy(places_around_a_campus())[places]
    h = great_circle_km(latlon[:, None], latlon)
    own = torch.eye(6, dtype=torch.bool)
    logits = (10 * cosines).masked_fill(own, -math.inf)
    expected = loss.from_logits(logits, 1 - cosines, h, (levels == 3) & ~own)
    assert loss.within(query, levels, places).item() == pytest.approx(expected.item(), rel=1e-12)


def test_a_stream_counts_every_pair_of_a_batch_once():
    query, gallery, levels, places = pair_batch()
    loss = campus_loss(refit={"binning": "linear", "bins": 4, "max_km": 10.0, "decay": 1.0})
    loss.semivariogram.begin(loss.latlon)
    for _ in range(2):
        loss.both_directions(query, gallery, levels, places)
    assert loss.semivariogram.stream.total().empirical().pairs == 2 * 15
    loss.eval()
    loss.both_directions(query, gallery, levels, places)
    assert loss.semivariogram.stream.total().empirical().pairs == 2 * 15


def test_curve_and_stream_survive_a_checkpoint():
    query, gallery, levels, places = pair_batch()
    loss = campus_loss()
    loss.take(campus_fit(), "the test")
    loss.collect()
    value = loss(query, gallery, levels, places)
    restored = campus_loss()
    restored.load_state_dict(loss.state_dict())
    assert restored(query, gallery, levels, places).item() == value.item()
    sums = restored.semivariogram.stream.total()
    torch.testing.assert_close(sums.sums, loss.semivariogram.stream.total().sums)
    restored.collect()  # what a resumed run does keeps what was collected
    assert torch.equal(restored.semivariogram.stream.sums, sums.sums)
    assert sums.empirical().pairs > 10


def test_a_failed_fit_keeps_the_last_good_one():
    loss = campus_loss()
    loss.take(campus_fit(), "the test")
    before = {key: value.clone() for key, value in loss.state_dict().items()}
    points = campus_fit().empirical
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not loss.take(Semivariogram(points, points.count > 0, "flat"), "a bad epoch")
    for key, value in loss.state_dict().items():
        assert torch.equal(value, before[key])


def test_users_mistakes_are_named(tmp_path: Path):
    with pytest.raises(ConfigError, match="mode='additive' must be one of additive_log"):
        SemivariogramInfoNCELoss(mode="additive")
    with pytest.raises(ConfigError, match="d_source='qq' must be one of mean"):
        SemivariogramInfoNCELoss(d_source="qq")
    with pytest.raises(ConfigError, match="emphasis: lambda_x not among lambda_h"):
        SemivariogramInfoNCELoss(emphasis={"lambda_x": 1.0})
    with pytest.raises(ConfigError, match=r"w_min=2\.0 <= 1"):
        SemivariogramInfoNCELoss(emphasis={"w_min": 2.0})
    with pytest.raises(ConfigError, match="refit: every not among decay"):
        SemivariogramInfoNCELoss(refit={"every": 3})
    for option in ("model", "weights", "range_rule"):  # not after an epoch of training
        with pytest.raises(ConfigError, match=r"'linear'.* one of"):
            SemivariogramInfoNCELoss(refit={option: "linear"})
    with pytest.raises(DatasetError, match="there is no such semivariogram; fit one with"):
        SemivariogramInfoNCELoss(curve=tmp_path / "missing.json")
    labels = LabelTreeLevels(torch.zeros(3, 2, dtype=torch.int64))
    with pytest.raises(ConfigError, match="needs the positions of the places"):
        SemivariogramInfoNCELoss().set_place_levels(labels)
    query, gallery, levels, places = pair_batch()
    with pytest.raises(RuntimeError, match="call set_place_levels"):
        SemivariogramInfoNCELoss()(query, gallery, levels, places)
    with pytest.raises(ValueError, match="row i of query and gallery"):
        campus_loss()(query[:5], gallery, levels[:5], places)
