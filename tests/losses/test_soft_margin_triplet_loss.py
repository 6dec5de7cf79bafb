import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from geoloc.errors import ConfigError
from geoloc.models.losses import SoftMarginTripletLoss

PAIRS = 3 * torch.eye(9, dtype=torch.int8)


def assert_matches(loss, arrays, names, value, grads, levels, rtol=1e-5):
    """Compare both directions with an official value and its gradients."""
    views = [torch.from_numpy(arrays[name]).double().requires_grad_() for name in names]
    # The official inputs are unit rows, not normalised in the loss.
    similarity = views[0] @ views[1].T
    total = (loss.loss(similarity, levels) + loss.loss(similarity.T, levels.T)) / 2
    total.backward()
    assert total.item() == pytest.approx(float(arrays[value]), rel=rtol)
    for view, grad in zip(views, grads, strict=True):
        # Squared distances of the official code carry the length of the rows as well, a part of
        # the gradient along the row that a loss on cosines does not have.
        expected = torch.from_numpy(arrays[grad]).double()
        unit = F.normalize(view.detach())
        across, official = (
            g - (g * unit).sum(dim=1, keepdim=True) * unit for g in (view.grad, expected)
        )
        np.testing.assert_allclose(across, official, rtol=0, atol=1e-5 * expected.abs().max())


@pytest.mark.parametrize("hardest", [0, 1, 3])
def test_safa_on_cvusa(golden, hardest):
    loss = SoftMarginTripletLoss(hardest=hardest or None, include_diagonal=True)
    assert_matches(
        loss,
        golden("cv_softmargin_safa_cvusa"),
        ("sat", "grd"),
        f"loss_hard{hardest}",
        (f"grad_sat_hard{hardest}", f"grad_grd_hard{hardest}"),
        PAIRS[:8, :8],
    )


def test_safa_on_cvact_leaves_near_places_out_of_the_negatives(golden):
    arrays = golden("cv_softmargin_safa_cvact")
    far = torch.from_numpy(arrays["dist_sq"][..., 0] >= arrays["thr_sq"])
    levels = torch.where(far, 0, 2).fill_diagonal_(3)
    assert (levels == 2).any()
    loss = SoftMarginTripletLoss(include_diagonal=True, negative_level=1)
    assert_matches(loss, arrays, ("sat", "grd"), "loss", ("grad_sat", "grad_grd"), levels)


def test_l2ltr(golden):
    loss = SoftMarginTripletLoss(include_diagonal=True)
    arrays = golden("cv_softmargin_l2ltr")
    assert_matches(loss, arrays, ("grd", "sat"), "loss", ("grad_grd", "grad_sat"), PAIRS)


@pytest.mark.parametrize("alpha", [20, 5])
def test_transgeo_with_the_gradient_of_raw_descriptors(golden, alpha):
    arrays = golden("cv_softmargin_transgeo")
    query, gallery = (torch.from_numpy(arrays[k]).double().requires_grad_() for k in ("q", "k"))
    loss = SoftMarginTripletLoss(alpha / 2).both_directions(query, gallery, PAIRS)
    loss.backward()
    assert loss.item() == pytest.approx(float(arrays[f"a{alpha}_loss"]), rel=1e-5)
    np.testing.assert_allclose(query.grad, arrays[f"a{alpha}_gq"], rtol=0, atol=1e-7)
    np.testing.assert_allclose(gallery.grad, arrays[f"a{alpha}_gk"], rtol=0, atol=1e-7)


@pytest.mark.parametrize("hardest", [1, 3])
def test_the_hardest_negatives_without_the_diagonal(golden, hardest):
    arrays = golden("cv_her_loss")
    query, gallery = (torch.from_numpy(arrays[f"alpha5_unit_{k}"]).double() for k in ("grd", "sat"))
    loss = SoftMarginTripletLoss(hardest=hardest)
    value = loss.both_directions(query, gallery, PAIRS[:8, :8])
    assert value.item() == pytest.approx(
        float(arrays[f"softmargin_nodiag_hard{hardest}"]), rel=1e-6
    )


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("reference_softmargin_alpha10_sqeuclid_cross_loss", {}),
        ("reference_softmargin_alpha10_euclid_cross_loss", {"distance": "euclidean"}),
        ("triplet_smooth_m0_mean_cross_loss", {"alpha": 1.0, "distance": "euclidean"}),
    ],
)
def test_several_positives_per_anchor(golden, name, arguments):
    arrays = golden("hr_pml_losses")
    query, gallery = (torch.from_numpy(arrays[key]) for key in ("x", "x_ref"))
    levels = 3 * torch.from_numpy(arrays["labels"][:, None] == arrays["ref_labels"]).int()
    loss = SoftMarginTripletLoss(**arguments)(query, gallery, levels)
    assert loss.item() == pytest.approx(float(arrays[name]), rel=1e-10)


@pytest.mark.parametrize("hardest", [None, 2])
def test_values_match_plain_loops(hardest):
    generator = torch.Generator().manual_seed(2)
    query, gallery = (
        F.normalize(torch.randn(n, 4, generator=generator, dtype=torch.float64)) for n in (6, 8)
    )
    levels = torch.randint(0, 4, (6, 8), generator=generator)
    levels[0], levels[1], levels[2] = 3, 0, torch.tensor([3, 0, 2, 2, 2, 2, 2, 2])
    distance = ((query[:, None] - gallery) ** 2).sum(dim=2).tolist()
    total: list[float] = []
    for row, level in zip(distance, levels.tolist(), strict=True):
        for positive in (d for d, r in zip(row, level, strict=True) if r == 3):
            terms = sorted(
                math.log1p(math.exp(4 * (positive - d)))
                for d, r in zip(row, level, strict=True)
                if r <= 1
            )
            total += terms[-hardest:] if hardest else terms
    loss = SoftMarginTripletLoss(4.0, hardest=hardest, negative_level=1)(query, gallery, levels)
    assert loss.item() == pytest.approx(sum(total) / len(total), rel=1e-10)


def test_the_diagonal_of_pairs_is_a_constant():
    generator = torch.Generator().manual_seed(3)
    query, gallery = torch.randn(2, 9, 5, generator=generator, dtype=torch.float64)
    clean, official = (
        SoftMarginTripletLoss(include_diagonal=flag)(query, gallery, PAIRS).item()
        for flag in (False, True)
    )
    assert official - clean == pytest.approx(math.log(2) / 8, rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 0.0}, "alpha=0.0 must be positive"),
        ({"distance": "cosine"}, "distance='cosine' must be one of"),
        ({"hardest": 0}, "hardest=0 must be at least 1"),
        ({"negative_level": 3}, "negative_level=3 must be below positive_level=3"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        SoftMarginTripletLoss(**arguments)
