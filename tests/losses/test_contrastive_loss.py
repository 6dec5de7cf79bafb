import numpy as np
import pytest
import torch
import torch.nn.functional as F

from geoloc.errors import ConfigError
from geoloc.models.losses import ContrastiveLoss


@pytest.mark.parametrize(("reducer", "reduction"), [("avgnonzero", "nonzero"), ("mean", "mean")])
def test_value_and_gradients_match_pytorch_metric_learning(golden, reducer, reduction):
    arrays = golden("hr_pml_losses")
    name = f"contrastive_p0_n1_{reducer}"
    query, gallery = (torch.from_numpy(arrays[key]).requires_grad_() for key in ("x", "x_ref"))
    levels = 3 * torch.from_numpy(arrays["labels"][:, None] == arrays["ref_labels"]).int()
    loss = ContrastiveLoss(reduction=reduction)(query, gallery, levels)
    loss.backward()
    assert loss.item() == pytest.approx(float(arrays[f"{name}_cross_loss"]), abs=1e-12)
    np.testing.assert_allclose(query.grad, arrays[f"{name}_cross_grad_x"], atol=1e-12)
    np.testing.assert_allclose(gallery.grad, arrays[f"{name}_cross_grad_xr"], atol=1e-12)


def test_values_match_plain_loops():
    generator = torch.Generator().manual_seed(0)
    query, gallery = (
        F.normalize(torch.randn(n, 3, generator=generator, dtype=torch.float64)) for n in (5, 7)
    )
    levels = torch.randint(0, 4, (5, 7), generator=generator)
    pulls, pushes = [], []
    for i in range(5):
        for j in range(7):
            d = float((query[i] - gallery[j]).norm())
            if levels[i, j] >= 2:
                pulls.append(max(0.0, d - 0.9))
            else:
                pushes.append(max(0.0, 1.3 - d))
    assert min(pulls) == min(pushes) == 0
    loss = ContrastiveLoss(0.9, 1.3, positive_level=2)(query, gallery, levels)
    expected = sum(sum(terms) / sum(t > 0 for t in terms) for terms in (pulls, pushes))
    assert loss.item() == pytest.approx(expected, rel=1e-9)


def test_the_cosine_form_has_the_gradient_of_the_xbm_code(golden):
    arrays = golden("cv_xbm")
    loss = ContrastiveLoss(1e-5, 0.5, distance="cosine", reduction="anchor")
    active_negatives = 0
    for step in np.flatnonzero(np.isnan(arrays["xbm_loss"])):  # before the memory starts
        features = torch.from_numpy(arrays["feats"][step])
        labels = torch.from_numpy(arrays["targets"][step])
        levels = 3 * (labels[:, None] == labels).int()
        rows = features.clone().requires_grad_()
        # Not through the cosine: the official code does not differentiate a normalisation.
        similarity = rows @ rows.T
        value = loss.loss(similarity, levels)
        value.backward()
        active = int(((similarity > 0.5) & (levels == 0)).sum())
        official = float(arrays["batch_loss"][step])
        assert value.item() + 0.5 * active / len(rows) == pytest.approx(official, abs=1e-4)
        np.testing.assert_allclose(rows.grad, arrays["grad_feats"][step], rtol=0, atol=1e-6)
        active_negatives += active
    assert active_negatives > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reduction": "sum"}, "reduction='sum' must be one of mean, nonzero, anchor"),
        ({"distance": "l1"}, "distance='l1' must be one of euclidean, cosine"),
    ],
)
def test_unknown_options_are_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        ContrastiveLoss(**arguments)
