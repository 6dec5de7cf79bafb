import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.errors import ConfigError
from geoloc.models.losses import TripletLoss, active_triplets, triplet_loss
from geoloc.models.losses.active_triplets import count_active_triplets

REDUCTIONS = {"avgnonzero": "nonzero", "mean": "mean"}


def looped_triplet(query, gallery, positive, margin, reduction, triplets="all"):
    """All triplets one by one."""
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (query, gallery)]
    terms = [
        max(0.0, np.linalg.norm(a - unit[1][p]) - np.linalg.norm(a - unit[1][n]) + margin)
        for i, a in enumerate(unit[0])
        for p in np.flatnonzero(positive[i])
        for n in np.flatnonzero(~positive[i])
    ]
    if reduction == "nonzero":
        terms = [term for term in terms if term > 0]
    if triplets == "semihard":
        terms = [term for term in terms if 0 < term < margin]
    return sum(terms) / max(len(terms), 1)


@pytest.mark.parametrize("reducer", REDUCTIONS)
def test_every_level_and_the_gradients_match_pytorch_metric_learning(golden, reducer):
    arrays = golden("hr_multiscale_pair_losses")
    x1, x2 = (torch.from_numpy(arrays[key]).requires_grad_() for key in ("x1", "x2"))
    levels = torch.from_numpy(arrays["target"])
    values = []
    for level in (3, 2, 1):
        loss = TripletLoss(0.1, REDUCTIONS[reducer], positive_level=level)
        values.append((loss(x1, x2, levels) + loss(x2, x1, levels.T)) / 2)
    sum(values).backward()
    name = f"triplet_m0p1_{reducer}"
    np.testing.assert_allclose(
        [value.item() for value in values], arrays[f"{name}_per_level_321"], atol=1e-10
    )
    assert sum(values).item() == pytest.approx(float(arrays[f"sum_{name}_loss"]), abs=1e-10)
    np.testing.assert_allclose(x1.grad, arrays[f"sum_{name}_grad_x1"], atol=1e-10)
    np.testing.assert_allclose(x2.grad, arrays[f"sum_{name}_grad_x2"], atol=1e-10)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("triplet_m0p05_avgnonzero", {"margin": 0.05, "reduction": "nonzero"}),
        ("triplet_m0p2_avgnonzero", {"margin": 0.2, "reduction": "nonzero"}),
        ("triplet_m0p2_mean", {"margin": 0.2, "reduction": "mean"}),
        ("triplet_m0p2_semihard", {"margin": 0.2, "triplets": "semihard"}),
    ],
)
def test_descriptors_of_any_length_match_pytorch_metric_learning(golden, name, arguments):
    arrays = golden("hr_pml_losses")
    query, gallery = (torch.from_numpy(arrays[key]).requires_grad_() for key in ("x", "x_ref"))
    levels = torch.from_numpy(arrays["labels"][:, None] == arrays["ref_labels"]).to(torch.int8)
    loss = TripletLoss(**arguments, positive_level=1)(query, gallery, levels)
    loss.backward()
    assert loss.item() == pytest.approx(float(arrays[f"{name}_cross_loss"]), abs=1e-10)
    np.testing.assert_allclose(query.grad, arrays[f"{name}_cross_grad_x"], atol=1e-10)
    np.testing.assert_allclose(gallery.grad, arrays[f"{name}_cross_grad_xr"], atol=1e-10)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**16),
    sizes=st.tuples(st.integers(1, 6), st.integers(1, 8), st.integers(2, 5)),
    margin=st.sampled_from([0.0, 0.1, 0.7, 3.0]),
    reduction=st.sampled_from(["mean", "nonzero"]),
    triplets=st.sampled_from(["all", "semihard"]),
)
def test_counted_triplets_equal_the_enumerated_ones(seed, sizes, margin, reduction, triplets):
    margin = margin or 0.05 * (triplets == "semihard")
    generator = torch.Generator().manual_seed(seed)
    num_query, num_gallery, dims = sizes
    query = torch.randn(num_query, dims, generator=generator, dtype=torch.float64)
    gallery = torch.randn(num_gallery, dims, generator=generator, dtype=torch.float64)
    levels = torch.randint(0, 4, (num_query, num_gallery), generator=generator)
    loss = TripletLoss(margin, reduction, 2, triplets)(query, gallery, levels)
    expected = looped_triplet(
        query.numpy(), gallery.numpy(), levels.numpy() >= 2, margin, reduction, triplets
    )
    assert loss.item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("few", [1, 10**9], ids=["search", "sort"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("positives", [0, 1, 5, 6, 20, 39, 40])
def test_counts_of_few_and_many_positives_leave_out_ties(dtype, positives, few, monkeypatch):
    monkeypatch.setattr(active_triplets, "FEW", few)
    generator = torch.Generator().manual_seed(positives)
    bound = torch.randint(-1, 8, (9, 40), generator=generator).to(dtype) / 3  # many ties
    positive = torch.rand(9, 40, generator=generator).argsort(dim=1) < positives
    positive[1:] &= torch.rand(8, 40, generator=generator) < 0.8  # other numbers in other rows
    bound = torch.where(positive, bound, bound.clamp_min(0))  # a limit only can be negative
    active = positive[:, :, None] & ~positive[:, None] & (bound[:, None] < bound[:, :, None])
    expected = active.sum(dim=2) - active.sum(dim=1)
    assert (expected != 0).any() == (positives > 0)
    assert count_active_triplets(bound, positive).tolist() == expected.tolist()


@pytest.mark.parametrize("triplets", ["all", "semihard"])
@pytest.mark.parametrize("share", [0.05, 0.5])
def test_gradients_at_ties_and_over_chunks_match_the_enumerated_triplets(
    monkeypatch, triplets, share
):
    generator = torch.Generator().manual_seed(1)
    corners = torch.eye(12, dtype=torch.float64)[torch.randint(0, 12, (40,), generator=generator)]
    cosines = (corners @ corners.T * 0.6 + 0.1).requires_grad_()
    levels = (torch.rand(40, 40, generator=generator) < share).to(torch.int8)
    levels[0], levels[1] = 0, 1
    distance = (2 - 2 * cosines).sqrt()  # of two values only
    margin = (1.5 if triplets == "semihard" else 1) * (distance.max() - distance.min()).item()
    gap = distance[:, :, None] - distance[:, None]
    chosen = (levels[:, :, None] == 1) & (levels[:, None] == 0) & (gap > -margin)
    if triplets == "semihard":
        chosen &= gap < 0
    assert chosen.any()
    expected = (gap + margin)[chosen].mean()
    monkeypatch.setattr(triplet_loss, "CHUNK_ENTRIES", 7 * 40)
    loss = TripletLoss(margin, "nonzero", positive_level=1, triplets=triplets)
    found = loss.loss(cosines, levels)
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
    torch.testing.assert_close(
        *(torch.autograd.grad(value, cosines)[0] for value in (found, expected)),
        rtol=1e-10,
        atol=1e-15,
    )


def test_no_violated_triplet_gives_zero_loss_and_gradient():
    descriptors = torch.eye(3, dtype=torch.float64).requires_grad_()
    levels = 3 * torch.eye(3, dtype=torch.int8)
    loss = TripletLoss(0.1, "nonzero")(descriptors, torch.eye(3, dtype=torch.float64), levels)
    loss.backward()
    assert loss.item() == 0
    assert (descriptors.grad == 0).all()


def test_an_unknown_reduction_is_named():
    with pytest.raises(ConfigError, match="reduction='sum' must be one of mean, nonzero"):
        TripletLoss(reduction="sum")


def test_semihard_triplets_need_a_known_name_and_a_margin():
    with pytest.raises(ConfigError, match="triplets='hard' must be one of all, semihard"):
        TripletLoss(triplets="hard")
    with pytest.raises(ConfigError, match="margin=0 must be positive"):
        TripletLoss(0, triplets="semihard")
