"""Losses of the images of one view with each other, against PyTorch Metric Learning."""

import numpy as np
import pytest
import torch

from geoloc.registry import LOSSES

CASES = {
    "multisimilarity_a2_b50_base0p5": {"type": "MultiSimilarityLoss"},
    "multisimilarity_a2_b50_base0p5_mined_eps0p1": {"type": "MultiSimilarityLoss", "epsilon": 0.1},
    "multisimilarity_a2_b40_base0p5": {"type": "MultiSimilarityLoss", "beta": 40.0},
    "triplet_m0p05_avgnonzero": {"type": "TripletLoss", "margin": 0.05, "reduction": "nonzero"},
    "triplet_m0p2_avgnonzero": {"type": "TripletLoss", "margin": 0.2, "reduction": "nonzero"},
    "triplet_m0p2_mean": {"type": "TripletLoss", "margin": 0.2},
    "triplet_m0p2_semihard": {"type": "TripletLoss", "margin": 0.2, "triplets": "semihard"},
    "triplet_smooth_m0_mean": {
        "type": "SoftMarginTripletLoss",
        "alpha": 1.0,
        "distance": "euclidean",
    },
    "contrastive_p0_n1_avgnonzero": {"type": "ContrastiveLoss"},
    "contrastive_p0_n1_mean": {"type": "ContrastiveLoss", "reduction": "mean"},
}


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_match_pytorch_metric_learning(golden, name):
    arrays = golden("hr_pml_losses")
    rows = torch.from_numpy(arrays["x"]).requires_grad_()
    labels = torch.from_numpy(arrays["labels"])
    value = LOSSES.build(CASES[name]).within(rows, 3 * (labels[:, None] == labels).int())
    value.backward()
    assert value.item() == pytest.approx(float(arrays[f"{name}_loss"]), rel=1e-9)
    np.testing.assert_allclose(rows.grad, arrays[f"{name}_grad_x"], rtol=1e-8, atol=1e-10)


def test_gradients_of_the_smooth_triplet_loss_between_two_sets(golden):
    arrays = golden("hr_pml_losses")
    query, gallery = (torch.from_numpy(arrays[key]).requires_grad_() for key in ("x", "x_ref"))
    levels = 3 * torch.from_numpy(arrays["labels"][:, None] == arrays["ref_labels"]).int()
    LOSSES.build(CASES["triplet_smooth_m0_mean"])(query, gallery, levels).backward()
    name = "triplet_smooth_m0_mean_cross_grad"
    np.testing.assert_allclose(query.grad, arrays[f"{name}_x"], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(gallery.grad, arrays[f"{name}_xr"], rtol=1e-8, atol=1e-10)
