import numpy as np
import pytest
import torch

from geoloc.errors import ConfigError
from geoloc.models.necks import MixVPR
from geoloc.registry import NECKS


@pytest.fixture
def official(golden):
    """Return the neck with the official state dict, and its input and output."""
    arrays = golden("cv_cvcities_mixvpr")
    options = dict(zip(arrays["cfg_names"].tolist(), arrays["cfg"].tolist(), strict=True))
    neck = NECKS.build({"type": "MixVPR", **options})
    weights = {
        name.removeprefix("sd_").replace("__", "."): torch.from_numpy(array)
        for name, array in arrays.items()
        if name.startswith("sd_")
    }
    neck.load_state_dict(weights)
    return neck, torch.from_numpy(arrays["x"]), arrays["out"]


def test_output_and_state_dict_match_the_official_code(official):
    neck, features, expected = official
    np.testing.assert_allclose(neck(features).detach(), expected, atol=1e-6)


def test_it_equals_the_formulas_of_the_paper(official):
    neck, features, expected = official
    weights = {name: tensor.double().numpy() for name, tensor in neck.state_dict().items()}
    for image, row in zip(features.double().numpy(), expected, strict=True):
        x = image.reshape(len(image), -1)
        for layer in range(2):
            w = {n: weights[f"mix.{layer}.mix.{n}"] for n in ("0.weight", "0.bias", "1.weight")}
            w |= {n: weights[f"mix.{layer}.mix.{n}"] for n in ("1.bias", "3.weight", "3.bias")}
            centred = x - x.mean(axis=1, keepdims=True)
            normed = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
            hidden = (normed * w["0.weight"] + w["0.bias"]) @ w["1.weight"].T + w["1.bias"]
            x = x + np.maximum(hidden, 0) @ w["3.weight"].T + w["3.bias"]
        x = (weights["channel_proj.weight"] @ x).T + weights["channel_proj.bias"]
        x = weights["row_proj.weight"] @ x + weights["row_proj.bias"][:, None]
        vector = x.T.ravel()
        np.testing.assert_allclose(vector / np.linalg.norm(vector), row, atol=1e-6)


def test_cv_cities_has_4096_dimensions():
    neck = MixVPR(768, 32, 32, out_channels=1024, mix_depth=2, out_rows=4)
    assert neck(torch.randn(1, 768, 32, 32)).shape == (1, 4096)
    assert neck.mix[1].mix[1].weight.shape == (1024, 1024)


def test_unit_length_survives_reduced_precision():
    neck = MixVPR(16, 4, 4, out_channels=32, mix_depth=1)
    with torch.autocast("cpu", torch.bfloat16):
        vectors = neck(torch.randn(8, 16, 4, 4))
    assert vectors.dtype == torch.float32
    assert (vectors.norm(dim=1) - 1).abs().max() < 1e-6


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_value_and_gradients_stay_finite(scale):
    neck = MixVPR(6, 3, 3, out_channels=4, mix_depth=2)
    features = torch.full((1, 6, 3, 3), scale, requires_grad=True)
    output = neck(features)
    (output * torch.randn_like(output)).sum().backward()
    assert output.isfinite().all()
    assert features.grad.isfinite().all()


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="mix_depth=0"):
        MixVPR(mix_depth=0)
    with pytest.raises(ConfigError, match=r"mlp_ratio=0\.001"):
        MixVPR(4, 5, 5, mlp_ratio=0.001)
    neck = MixVPR(6, 3, 4, out_channels=4)
    with pytest.raises(ValueError, match=r"maps of 3 x 4, got 4 x 3; set in_h=4, in_w=3"):
        neck(torch.zeros(1, 6, 4, 3))
    with pytest.raises(ValueError, match=r"built for 6 channels"):
        neck(torch.zeros(1, 5, 3, 4))
