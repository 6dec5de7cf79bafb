import numpy as np
import pytest
import torch

from geoloc.errors import ConfigError
from geoloc.models.losses import MultiScaleLoss, TripletLoss
from geoloc.registry import LOSSES

GOLDEN = {
    "sum_triplet_m0p1_avgnonzero": {"type": "TripletLoss", "reduction": "nonzero"},
    "sum_triplet_m0p1_mean": {"type": "TripletLoss", "reduction": "mean"},
    "sum_multisimilarity": {"type": "MultiSimilarityLoss"},
}


@pytest.mark.parametrize("name", GOLDEN)
def test_value_and_gradients_match_the_sum_over_the_scales(golden, name):
    arrays = golden("hr_multiscale_pair_losses")
    x1, x2 = (torch.from_numpy(arrays[key]).requires_grad_() for key in ("x1", "x2"))
    loss = MultiScaleLoss(GOLDEN[name])
    value = loss.both_directions(x1, x2, torch.from_numpy(arrays["target"]))
    value.backward()
    assert value.item() == pytest.approx(float(arrays[f"{name}_loss"]), abs=1e-10)
    np.testing.assert_allclose(x1.grad, arrays[f"{name}_grad_x1"], atol=1e-10)
    np.testing.assert_allclose(x2.grad, arrays[f"{name}_grad_x2"], atol=1e-10)


def test_a_single_scale_is_the_loss_with_that_positive_level():
    generator = torch.Generator().manual_seed(0)
    query, gallery = torch.randn(2, 6, 5, generator=generator, dtype=torch.float64)
    levels = torch.randint(0, 4, (6, 6), generator=generator)
    loss = MultiScaleLoss({"type": "TripletLoss", "margin": 0.4}, levels=(2,))
    expected = TripletLoss(0.4, positive_level=2)(query, gallery, levels)
    assert loss(query, gallery, levels).item() == pytest.approx(expected.item(), rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": {"type": "TripletLoss"}, "levels": ()}, r"levels=\(\) needs one or more"),
        ({"loss": {"type": "TripletLoss"}, "levels": (1, 0)}, r"levels=\(1, 0\) needs"),
        ({"loss": {"type": "TripletLoss", "positive_level": 2}}, "remove positive_level"),
        ({"loss": {"type": "DyCLLoss"}}, "must be a pair loss with a positive_level"),
        (
            {"loss": {"type": "NormalizedSoftmaxLoss", "num_places": 3, "embed_dims": 4}},
            "must be a pair loss with a positive_level",
        ),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        LOSSES.build({"type": "MultiScaleLoss", **arguments})
