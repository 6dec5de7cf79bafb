import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.errors import ConfigError
from geoloc.models.losses import HAPLoss, smooth_hap


def looped_hap_loss(score, levels, loss):
    """Return the mean of 1 - H-AP by the definition, one comparison at a time."""
    total = 0.0
    for s, t in zip(score, levels, strict=True):
        relevance = [level**loss.alpha / t.count(level) if level > 0 else 0.0 for level in t]
        hap = 0.0
        for i, own in enumerate(relevance):
            rank, hrank = 1.0, own
            for j in range(len(s)):
                if j != i:
                    x = s[j] - s[i]
                    sharp = float(x >= 0)
                    rank += bound_from_above(x, loss) if t[j] < t[i] else sharp
                    h = bound_from_below(x, loss) if loss.with_hrank and t[j] > t[i] else sharp
                    hrank += h * min(own, relevance[j])
            hap += hrank / rank if own > 0 else 0.0
        total += 1 - hap / sum(relevance) if sum(relevance) > 0 else 0.0
    return total / len(score)


def bound_from_above(x, loss):
    if x > loss.delta:
        return loss.rho * (x - loss.delta) + loss.offset
    return 1 / (1 + math.exp(min(-x / loss.tau, 700))) + (loss.start if x > 0 else 0.0)


def bound_from_below(x, loss):
    return min(loss.beta * x + loss.gamma, 1.0) if x > 0 else loss.leak * x


@pytest.mark.parametrize("name", ["hr_hap_loss", "hr_hap_loss_hrank"])
def test_value_and_gradients_match_the_official_code(golden, name):
    arrays = golden(name)
    keys = ("tau", "rho", "delta", "offset", "start", "with_hrank", "beta", "gamma", "leak")
    loss = HAPLoss(**{key: arrays[f"par_{key}"].item() for key in keys})
    levels = torch.from_numpy(arrays["target"])
    views = [torch.from_numpy(arrays[key]).requires_grad_() for key in ("x1", "x2")]
    # The official loss takes unit rows and does not differentiate their normalisation.
    similarity = views[0] @ views[1].T
    forth = loss.loss(similarity, levels)
    both = (forth + loss.loss(similarity.T, levels.T)) / 2
    assert both.item() == pytest.approx(loss.both_directions(*views, levels).item(), rel=1e-12)
    for value, official in ((forth, "official_loss12"), (both, "official_sym")):
        key = f"{official}_f64" if official.endswith("12") else f"{official}_loss_f64"
        assert value.item() == pytest.approx(float(arrays[key]), rel=1e-9)
        grads = torch.autograd.grad(value, views, retain_graph=True)
        for grad, key in zip(grads, ("x1", "x2"), strict=True):
            expected = arrays[f"{official}_grad_{key}"]
            np.testing.assert_allclose(grad, expected, rtol=1e-9, atol=1e-11)


def test_the_query_among_its_candidates_matches_the_official_code(golden):
    arrays = golden("hr_hap_loss_selfretrieval")
    x = torch.from_numpy(arrays["x"]).requires_grad_()
    value = HAPLoss().loss(x @ x.T, torch.from_numpy(arrays["target"]))
    value.backward()
    assert value.item() == pytest.approx(float(arrays["official_loss_f64"]), rel=1e-9)
    np.testing.assert_allclose(x.grad, arrays["official_grad_x"], rtol=1e-9, atol=1e-10)


def test_each_query_matches_the_official_code(golden):
    arrays = golden("hr_hap_loss")
    similarity = torch.from_numpy(arrays["x1"] @ arrays["x2"].T)
    levels = torch.from_numpy(arrays["target"])
    hap = [
        1 - HAPLoss().loss(s[None], t[None]).item() for s, t in zip(similarity, levels, strict=True)
    ]
    np.testing.assert_allclose(hap, arrays["per_query_HAP_dir12"], atol=1e-9)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**16),
    sizes=st.tuples(st.integers(1, 4), st.integers(1, 9)),
    spread=st.sampled_from([0.01, 0.05, 0.5]),
    options=st.sampled_from(
        [
            {},
            {"with_hrank": True},
            {"with_hrank": True, "gamma": 1.5},
            {"offset": None},
            {"delta": None, "offset": 1.0},
            {"delta": math.inf, "start": 0.0},
            {"tau": 0.05, "rho": 3.0, "start": 0.0, "offset": 1.0, "alpha": 2.0},
        ]
    ),
)
def test_the_fast_sums_equal_the_definition(seed, sizes, spread, options):
    generator = torch.Generator().manual_seed(seed)
    score = spread * torch.randn(sizes, generator=generator, dtype=torch.float64)
    levels = torch.randint(0, 4, sizes, generator=generator)
    loss = HAPLoss(**options)
    expected = looped_hap_loss(score.tolist(), levels.tolist(), loss)
    # 1e-7: the relevances are float32, as in the official code
    assert loss.loss(score, levels).item() == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_chunks_of_any_size_give_the_same(monkeypatch):
    generator = torch.Generator().manual_seed(1)
    score = 0.1 * torch.randn(5, 30, generator=generator, dtype=torch.float64)
    levels = torch.randint(0, 4, (5, 30), generator=generator)
    results = []
    for entries in (2**17, 40):
        monkeypatch.setattr(smooth_hap, "CHUNK_ENTRIES", entries)
        leaf = score.clone().requires_grad_()
        value = HAPLoss(with_hrank=True).loss(leaf, levels)
        value.backward()
        results.append((value.item(), leaf.grad))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-12)
    torch.testing.assert_close(results[0][1], results[1][1], rtol=1e-10, atol=1e-14)


def test_a_clear_perfect_order_costs_nothing():
    levels = torch.tensor([[3, 2, 1, 1, 0, 0]])  # relevances 3, 2, 1/2, 1/2
    score = (levels * 0.9 - 1).double().requires_grad_()
    value = HAPLoss(tau=0.001).loss(score, levels)
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-15)
    assert score.grad.abs().max() < 1e-15


def test_a_wrong_order_is_pulled_apart():
    levels = torch.tensor([[3, 0]])
    score = torch.tensor([[0.1, 0.4]]).requires_grad_()
    HAPLoss().loss(score, levels).backward()
    assert score.grad[0, 0] < 0 < score.grad[0, 1]


def test_a_missing_offset_joins_the_branches():
    around = torch.tensor([0.05 - 1e-9, 0.05 + 1e-9], dtype=torch.float64)
    joined = HAPLoss(offset=None)
    below, above = joined.lower_step(around.clone())[0].tolist()
    assert joined.offset == pytest.approx(1 / (1 + math.exp(-5)) + 0.5)
    assert below == pytest.approx(above, abs=1e-6)
    below, above = HAPLoss().lower_step(around.clone())[0].tolist()
    assert below - above == pytest.approx(0.0533, abs=1e-4)


def test_float32_is_close_to_float64(golden):
    arrays = golden("hr_hap_loss")
    views = [F.normalize(torch.from_numpy(arrays[key]).float()) for key in ("x1", "x2")]
    value = HAPLoss().both_directions(*views, torch.from_numpy(arrays["target"]))
    assert value.item() == pytest.approx(float(arrays["official_sym_loss_f64"]), rel=1e-5)


@pytest.mark.parametrize("arguments", [{"tau": 0.0}, {"rho": -1.0}, {"delta": -0.1}], ids=str)
def test_mistakes_are_named(arguments):
    with pytest.raises(ConfigError, match="must be positive"):
        HAPLoss(**arguments)
