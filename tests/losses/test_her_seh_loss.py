import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from geoloc.errors import ConfigError
from geoloc.models.losses import HERLoss, SEHLoss
from geoloc.models.losses.logsumexp import softplus
from geoloc.models.losses.rectified_triplet_loss import rectified_weights

PAIRS = 3 * torch.eye(8, dtype=torch.int8)


def looped(query, gallery, levels, weigh, scale=5.0, negative=2):
    """Sum triplet by triplet over unit descriptors."""
    total, margin = 0.0, 0.15 * scale**2
    for i in range(len(query)):
        squares = [scale**2 * float(((query[i] - item) ** 2).sum()) for item in gallery]
        positives = [d for d, level in zip(squares, levels[i], strict=True) if level == 3]
        for d, level in zip(squares, levels[i], strict=True):
            if level <= negative and positives:
                gap = sum(positives) / len(positives) - d
                p = 1 / (1 + math.exp(gap + margin / 2))
                low, high = (
                    -math.log2(1 / (1 + math.exp(g + margin / 2) + 1e-8)) for g in (-margin, 0)
                )
                w = weigh(max(0.0, -math.log2(p + 1e-8)), low, high, len(gallery))
                total += w * math.log(1 + math.exp(gap))
    return total / levels.numel()


def her(w, low, high, columns):
    return 0.1 / columns if w < low else min(w, high)


def seh(w, low, high, columns):
    return 0.0 if w < low else min(w, high)


def test_her_matches_the_official_code(golden):
    arrays = golden("cv_her_loss")
    ground, satellite = (
        torch.from_numpy(arrays[f"alpha5_unit_{name}"]).double().requires_grad_()
        for name in ("grd", "sat")
    )
    loss = HERLoss().both_directions(ground, satellite, PAIRS)
    loss.backward()
    assert loss.item() == pytest.approx(float(arrays["alpha5_unit_th0_loss"]), rel=1e-5)
    # the official gradient is of raw features: the part along a descriptor is not the cosine's
    for features, name in ((ground, "grd"), (satellite, "sat")):
        official = torch.from_numpy(arrays[f"alpha5_unit_th0_grad_{name}"]).double()
        radial = (official * features).sum(dim=1, keepdim=True) * features
        tangential = (official - radial).detach()
        torch.testing.assert_close(features.grad, tangential, rtol=1e-3, atol=1e-4)


def test_weights_match_the_official_code_on_raw_features(golden):
    arrays = golden("cv_her_loss")
    ground, satellite = (
        torch.from_numpy(arrays[f"alpha1_raw_{name}"]).double().requires_grad_()
        for name in ("grd", "sat")
    )
    lengths = (ground.square().sum(1) + satellite.square().sum(1)).detach()
    margin = 0.15 * float(lengths.mean()) / 2
    assert margin == pytest.approx(float(arrays["alpha1_raw_margin"]), rel=1e-5)
    distance = torch.cdist(ground, satellite).square()
    gap = distance.diagonal()[:, None] - distance
    weight, low, high = rectified_weights(gap, margin)
    weight = torch.where(weight < low, 0.1 / 8, weight.clamp_max(high)) * (1 - torch.eye(8))
    loss = (weight * softplus(gap)).mean()
    loss.backward()
    assert loss.item() == pytest.approx(float(arrays["alpha1_raw_th0_loss"]), rel=1e-5)
    for features, name in ((ground, "grd"), (satellite, "sat")):
        np.testing.assert_allclose(
            features.grad, arrays[f"alpha1_raw_th0_grad_{name}"], rtol=1e-3, atol=1e-5
        )


@pytest.mark.parametrize(("kind", "weigh"), [(HERLoss, her), (SEHLoss, seh)])
def test_values_match_plain_loops(kind, weigh):
    generator = torch.Generator().manual_seed(0)
    centre = torch.randn(1, 12, generator=generator, dtype=torch.float64)
    query, gallery = (
        F.normalize(centre + 0.6 * torch.randn(n, 12, generator=generator, dtype=torch.float64))
        for n in (6, 9)
    )
    levels = torch.randint(0, 4, (6, 9), generator=generator)
    expected = looped(query, gallery, levels, weigh)
    assert kind()(query, gallery, levels).item() == pytest.approx(expected, rel=1e-9)
    scaled = looped(query, gallery, levels, weigh, scale=2.0)
    assert kind(scale=2.0)(query, gallery, levels).item() == pytest.approx(scaled, rel=1e-9)
    far = looped(query, gallery, levels, weigh, negative=0)
    assert kind(negative_level=0)(query, gallery, levels).item() == pytest.approx(far, rel=1e-9)
    assert far < expected


def test_seh_removes_easy_triplets_and_keeps_weights_constant():
    query = F.normalize(
        torch.tensor([[1.0, 0.05], [0.0, 1.0]], dtype=torch.float64)
    ).requires_grad_()
    gallery = F.normalize(torch.tensor([[1.0, 0.0], [0.1, 1.0]], dtype=torch.float64))
    levels = torch.tensor([[3, 0], [0, 3]])
    assert SEHLoss()(query, gallery, levels) == 0  # both negatives are far beyond the margin
    assert HERLoss()(query, gallery, levels) > 0
    near = F.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.25]], dtype=torch.float64))
    loss = SEHLoss()(query[:1], near, levels[:1])
    (gradient,) = torch.autograd.grad(loss, query)
    with torch.no_grad():
        cosines = query[:1] @ near.T
        gap = 50 * (cosines[0, 1] - cosines[0, 0])
        weight = rectified_weights(gap, 3.75)
        slope = weight.weight.clamp_max(weight.high) * torch.sigmoid(gap) * 50 / 2
        direction = slope * (near[1] - near[0])
        direction -= (direction @ query[0]) * query[0]
    torch.testing.assert_close(gradient[0], direction)


def test_her_takes_anchors_of_the_query_only():
    generator = torch.Generator().manual_seed(1)
    query, gallery = torch.randn(2, 8, 4, generator=generator)
    loss = HERLoss()
    assert torch.equal(loss.both_directions(query, gallery, PAIRS), loss(query, gallery, PAIRS))
    both = SEHLoss().both_directions(query, gallery, PAIRS)
    assert not torch.equal(both, SEHLoss()(query, gallery, PAIRS))


@pytest.mark.parametrize("kind", [HERLoss, SEHLoss])
def test_impossible_scale(kind):
    with pytest.raises(ConfigError, match=r"scale=0\.0 must be positive"):
        kind(scale=0.0)
    with pytest.raises(ConfigError, match=r"negative_level=3 must be below positive_level=3"):
        kind(negative_level=3)
