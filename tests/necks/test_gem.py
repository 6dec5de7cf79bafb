import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.errors import ConfigError
from geoloc.models.necks import GeM
from geoloc.registry import NECKS


def test_a_learned_exponent_per_channel_matches_the_official_code(golden):
    arrays = golden("cv_usam_gem")
    neck = NECKS.build({"type": "GeM", "channels": len(arrays["gem_p"])})
    with torch.no_grad():
        neck.p.copy_(torch.from_numpy(arrays["gem_p"]))
    pooled = neck(torch.from_numpy(arrays["x"]))
    np.testing.assert_allclose(pooled.detach(), arrays["gem"], rtol=2e-6)


@settings(max_examples=50)
@given(p=st.floats(0.5, 6), seed=st.integers(0, 99))
def test_it_is_the_generalised_mean(p, seed):
    features = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(seed)).double()
    expected = (features.numpy() ** p).mean(axis=(2, 3)) ** (1 / p)
    np.testing.assert_allclose(GeM(p).double()(features).detach(), expected, rtol=1e-6)


def test_between_the_average_and_the_maximum():
    features = torch.rand(2, 8, 5, 5, generator=torch.Generator().manual_seed(0))
    average, maximum = features.mean(dim=(2, 3)), features.amax(dim=(2, 3))
    torch.testing.assert_close(GeM(1.0)(features), average, rtol=1e-5, atol=0)
    torch.testing.assert_close(GeM(200.0)(features), maximum, rtol=0.02, atol=0)
    middle = GeM(3.0)(features)
    assert (average < middle).all()
    assert (middle < maximum).all()


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1.0, 1e4])
@pytest.mark.parametrize("p", [0.01, 3.0, 50.0])
def test_value_and_gradients_stay_finite(scale, p):
    neck = GeM(p)
    features = (torch.rand(1, 4, 3, 3) * scale).requires_grad_()
    pooled = neck(features)
    pooled.sum().backward()
    for tensor in (pooled, features.grad, neck.p.grad):
        assert tensor.isfinite().all()


def test_the_exponent_is_learned():
    neck = GeM(3.0).double()
    features = torch.rand(2, 3, 4, 4).double()
    assert torch.autograd.gradcheck(
        lambda p: torch.func.functional_call(neck, {"p": p}, features), neck.p
    )


def test_half_precision_features_are_pooled_in_float32():
    features = torch.rand(2, 3, 4, 4).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        pooled = GeM()(features)
    assert pooled.dtype == torch.float32
    torch.testing.assert_close(pooled, GeM()(features.float()))


def test_mistakes_are_named():
    for wrong in ({"p": 0.0}, {"eps": 0.0}, {"channels": 0}):
        with pytest.raises(ConfigError, match=r"GeM: p=.*must be positive"):
            GeM(**wrong)
    with pytest.raises(ValueError, match=r"GeM needs a feature map .* got \[2, 7\].*featmap"):
        GeM()(torch.zeros(2, 7))
    with pytest.raises(ValueError, match=r"built for 4 channels.*\[2, 3, 5, 5\].*to 3"):
        GeM(channels=4)(torch.zeros(2, 3, 5, 5))
