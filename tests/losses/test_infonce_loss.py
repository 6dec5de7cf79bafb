import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from geoloc.errors import ConfigError
from geoloc.models.losses import InfoNCELoss

SETTINGS = {
    f"{official}_scale{name}": (normalize, scale)
    for official, normalize in (("official_dim0", "batch"), ("cosine", "feature"))
    for name, scale in (("1", 1.0), ("10", 10.0), ("14p2857", 1 / 0.07))
}


def random_pairs(batch, dims, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, batch, dims, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", SETTINGS)
def test_value_and_gradients_match_the_official_code(golden, name):
    normalize, scale = SETTINGS[name]
    arrays = golden("hr_infonce")
    x1, x2 = (torch.from_numpy(arrays[key]).requires_grad_() for key in ("x1", "x2"))
    levels = 3 * torch.eye(len(x1), dtype=torch.int8)
    loss = InfoNCELoss(scale=scale, normalize=normalize)
    total = (loss(x1, x2, levels) + loss(x2, x1, levels.T)) / 2
    total.backward()
    assert total.item() == pytest.approx(float(arrays[name]), rel=1e-12)
    if f"{name}_grad_x1" in arrays:
        np.testing.assert_allclose(x1.grad, arrays[f"{name}_grad_x1"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(x2.grad, arrays[f"{name}_grad_x2"], rtol=0, atol=1e-12)


def test_one_positive_gives_the_cross_entropy_of_a_row():
    query, gallery = random_pairs(7, 5, seed=1)
    levels = torch.full((7, 7), 2).fill_diagonal_(3)
    logits = F.normalize(query) @ F.normalize(gallery).T / 0.07
    expected = F.cross_entropy(logits, torch.arange(7))
    assert InfoNCELoss()(query, gallery, levels).item() == pytest.approx(expected.item(), rel=1e-12)


def test_several_positives_match_plain_loops():
    query, gallery = random_pairs(6, 4, seed=2)
    levels = torch.randint(0, 4, (6, 6), generator=torch.Generator().manual_seed(2))
    levels[0], levels[1] = 3, 0  # one anchor without negatives, one without positives
    similarity = (F.normalize(query) @ F.normalize(gallery).T).numpy()
    total = 0.0
    for row, level in zip(similarity, levels.numpy(), strict=True):
        negatives = [math.exp(5 * s) for s, r in zip(row, level, strict=True) if r < 2]
        terms = [
            -math.log(math.exp(5 * s) / (math.exp(5 * s) + sum(negatives)))
            for s, r in zip(row, level, strict=True)
            if r >= 2
        ]
        total += sum(terms) / max(len(terms), 1)
    loss = InfoNCELoss(scale=5.0, positive_level=2)(query, gallery, levels)
    assert loss.item() == pytest.approx(total / 6, rel=1e-12)


def test_a_second_image_of_the_place_does_not_raise_the_lowest_loss():
    descriptors = torch.eye(4, dtype=torch.float64)[[0, 0, 1, 2]]
    levels = torch.where(descriptors @ descriptors.T > 0, 3, 0)
    loss = InfoNCELoss(scale=90.0)(descriptors, descriptors, levels)
    assert 0 <= loss.item() < 1e-30


def test_a_learnable_scale_starts_equal_and_receives_the_gradient():
    query, gallery = random_pairs(5, 6, seed=3)
    levels = 3 * torch.eye(5, dtype=torch.int8)
    fixed, learnable = InfoNCELoss(scale=20.0), InfoNCELoss(scale=20.0, learnable=True).double()
    value = learnable(query, gallery, levels)
    value.backward()
    assert value.item() == pytest.approx(fixed(query, gallery, levels).item(), rel=1e-6)
    step = 1e-4
    above, below = (
        InfoNCELoss(scale=20.0 * math.exp(sign * step))(query, gallery, levels).item()
        for sign in (1, -1)
    )
    slope = (above - below) / (2 * step)
    assert learnable.log_scale.grad.item() == pytest.approx(slope, rel=1e-5)
    assert not list(fixed.parameters())


def test_a_learnable_scale_stops_at_100_and_can_come_back():
    query, gallery = random_pairs(5, 6, seed=4)
    levels = 3 * torch.eye(5, dtype=torch.int8)
    loss = InfoNCELoss(learnable=True).double()
    with torch.no_grad():
        loss.log_scale.fill_(math.log(5000))
    value = loss(query, gallery, levels)
    (value + loss(gallery, query, levels)).backward()  # both directions of a training step
    assert value.item() == pytest.approx(InfoNCELoss(scale=100)(query, gallery, levels).item())
    assert loss.log_scale.item() == pytest.approx(math.log(100))
    assert loss.log_scale.grad.item() != 0


@pytest.mark.parametrize(
    "arguments", [{"scale": -1.0}, {"scale": 101.0, "learnable": True}], ids=str
)
def test_impossible_scales_are_named(arguments):
    with pytest.raises(ConfigError, match=f"scale={arguments['scale']}"):
        InfoNCELoss(**arguments)


@pytest.mark.parametrize("name", ["ls0_scale0", "ls0_scale1", "ls10_scale0", "ls10_scale1"])
def test_label_smoothing_and_learnable_scale_match_sample4geo(golden, name):
    arrays = golden("cv_s4g_infonce")
    loss = InfoNCELoss(
        scale=math.exp(arrays[f"{name}_logscale"]),
        learnable=True,
        label_smoothing=0.1 if name.startswith("ls10") else 0.0,
    ).double()
    views = [
        torch.from_numpy(arrays[f"features{view}"]).double().requires_grad_() for view in (1, 2)
    ]
    value = loss.both_directions(*views, 3 * torch.eye(7, dtype=torch.int8))
    value.backward()
    assert value.item() == pytest.approx(float(arrays[f"{name}_loss"]), rel=1e-5)
    assert loss.log_scale.grad.item() == pytest.approx(float(arrays[f"{name}_glogscale"]), rel=1e-5)
    for view, key in zip(views, ("g1", "g2"), strict=True):
        np.testing.assert_allclose(view.grad, arrays[f"{name}_{key}"], rtol=1e-4, atol=1e-7)


def test_label_smoothing_is_that_of_the_cross_entropy():
    query, gallery = random_pairs(7, 5, seed=5)
    levels = torch.full((7, 7), 2).fill_diagonal_(3)
    logits = F.normalize(query) @ F.normalize(gallery).T / 0.07
    expected = F.cross_entropy(logits, torch.arange(7), label_smoothing=0.3)
    value = InfoNCELoss(label_smoothing=0.3)(query, gallery, levels)
    assert value.item() == pytest.approx(expected.item(), rel=1e-12)


def test_a_second_positive_takes_no_part_in_the_smoothing_of_the_first():
    query, gallery = random_pairs(1, 4, seed=6)[:, :1].expand(2, 1, 4)
    gallery = torch.cat([gallery, random_pairs(3, 4, seed=7)[0]])
    loss = InfoNCELoss(label_smoothing=0.2)
    both = loss(query, gallery, torch.tensor([[3, 3, 0, 0]]))
    alone = [
        loss(query, gallery[[positive, 2, 3]], torch.tensor([[3, 0, 0]])) for positive in (0, 1)
    ]
    assert both.item() == pytest.approx(sum(alone).item() / 2, rel=1e-12)


@pytest.mark.parametrize("label_smoothing", [-0.1, 1.0])
def test_impossible_label_smoothing_is_named(label_smoothing):
    with pytest.raises(ConfigError, match=f"label_smoothing={label_smoothing}"):
        InfoNCELoss(label_smoothing=label_smoothing)
