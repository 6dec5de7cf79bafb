import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from geoloc.errors import ConfigError
from geoloc.models.losses import MultiSimilarityLoss

SETTINGS = {
    "multisimilarity_a2_b50_base0p5": {},
    "multisimilarity_a2_b50_base0p5_mined_eps0p1": {"epsilon": 0.1},
    "multisimilarity_a2_b40_base0p5": {"beta": 40.0},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_two_views_match_pytorch_metric_learning(golden, name):
    arrays = golden("hr_pml_losses")
    query, gallery = (torch.from_numpy(arrays[key]).requires_grad_() for key in ("x", "x_ref"))
    levels = 3 * torch.from_numpy(arrays["labels"][:, None] == arrays["ref_labels"]).int()
    loss = MultiSimilarityLoss(**SETTINGS[name])(query, gallery, levels)
    loss.backward()
    assert loss.item() == pytest.approx(float(arrays[f"{name}_cross_loss"]), abs=1e-10)
    np.testing.assert_allclose(query.grad, arrays[f"{name}_cross_grad_x"], atol=1e-10)
    np.testing.assert_allclose(gallery.grad, arrays[f"{name}_cross_grad_xr"], atol=1e-10)


@pytest.mark.parametrize("name", SETTINGS)
def test_one_view_matches_pytorch_metric_learning(golden, name):
    arrays = golden("hr_pml_losses")
    rows, labels = torch.from_numpy(arrays["x"]).requires_grad_(), arrays["labels"]
    levels = 3 * torch.from_numpy(labels[:, None] == labels).int()
    loss = MultiSimilarityLoss(**SETTINGS[name]).within(rows, levels)
    loss.backward()
    assert loss.item() == pytest.approx(float(arrays[f"{name}_loss"]), abs=1e-10)
    np.testing.assert_allclose(rows.grad, arrays[f"{name}_grad_x"], atol=1e-10)


@pytest.mark.parametrize("epsilon", [None, 0.3])
def test_values_match_plain_loops(epsilon):
    generator = torch.Generator().manual_seed(1)
    query, gallery = (
        F.normalize(torch.randn(n, 4, generator=generator, dtype=torch.float64)) for n in (6, 8)
    )
    levels = torch.randint(0, 4, (6, 8), generator=generator)
    levels[0], levels[1] = 3, 0  # one anchor without negatives, one without positives
    total = 0.0
    for row, level in zip((query @ gallery.T).tolist(), levels.tolist(), strict=True):
        positives = [s for s, r in zip(row, level, strict=True) if r >= 2]
        negatives = [s for s, r in zip(row, level, strict=True) if r < 2]
        if epsilon is not None:
            highest, lowest = max(negatives, default=-9), min(positives, default=9)
            positives = [s for s in positives if s - epsilon < highest]
            negatives = [s for s in negatives if s + epsilon > lowest]
        total += math.log1p(sum(math.exp(-3 * (s - 0.4)) for s in positives)) / 3
        total += math.log1p(sum(math.exp(20 * (s - 0.4)) for s in negatives)) / 20
    loss = MultiSimilarityLoss(3.0, 20.0, 0.4, epsilon, positive_level=2)(query, gallery, levels)
    assert loss.item() == pytest.approx(total / 6, rel=1e-12)


@pytest.mark.parametrize("arguments", [{"alpha": 0.0}, {"beta": -1.0}], ids=str)
def test_factors_must_be_positive(arguments):
    with pytest.raises(ConfigError, match="must be positive"):
        MultiSimilarityLoss(**arguments)
