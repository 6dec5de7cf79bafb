import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.errors import ConfigError
from geoloc.models.necks import NetVLAD
from geoloc.registry import NECKS


def build(channels=6, clusters=4, seed=0):
    torch.manual_seed(seed)
    neck = NECKS.build({"type": "NetVLAD", "in_channels": channels, "num_clusters": clusters})
    torch.nn.init.normal_(neck.conv.bias)
    return neck.double()


def unit(vector):
    return [value / math.sqrt(sum(v * v for v in vector)) for value in vector]


def slow_netvlad(neck, image):
    """Section by section, one number at a time, for one feature map [C, H, W]."""
    channels, height, width = image.shape
    weight, bias = neck.conv.weight[:, :, 0, 0].tolist(), neck.conv.bias.tolist()
    centres = neck.centroids.tolist()
    sums = [[0.0] * channels for _ in centres]
    for row in range(height):
        for column in range(width):
            x = unit(image[:, row, column].tolist())
            logits = [
                sum(w * v for w, v in zip(*pair, strict=True)) for pair in ((w, x) for w in weight)
            ]
            powers = [math.exp(logit + b) for logit, b in zip(logits, bias, strict=True)]
            for k, power in enumerate(powers):
                for c in range(channels):
                    sums[k][c] += power / sum(powers) * (x[c] - centres[k][c])
    return unit([value for cluster in sums for value in unit(cluster)])


@settings(max_examples=50)
@given(
    seed=st.integers(0, 999),
    channels=st.integers(2, 6),
    clusters=st.integers(1, 5),
    size=st.tuples(st.integers(1, 4), st.integers(1, 4)),
)
def test_it_equals_a_loop_over_locations_and_clusters(seed, channels, clusters, size):
    neck = build(channels, clusters, seed)
    features = torch.randn(2, channels, *size).double()
    output = neck(features)
    assert output.shape == (2, clusters * channels)
    expected = torch.tensor([slow_netvlad(neck, image) for image in features], dtype=torch.float64)
    torch.testing.assert_close(output, expected, rtol=1e-9, atol=1e-9)


def test_scale_of_a_location_and_order_of_locations_do_not_matter():
    neck, features = build(), torch.randn(2, 6, 4, 4).double()
    scaled = features * (torch.rand(2, 1, 4, 4) + 0.1)
    torch.testing.assert_close(neck(scaled), neck(features))
    torch.testing.assert_close(neck(features.flip(2).transpose(2, 3)), neck(features))


def test_every_cluster_weighs_the_same():
    neck = build()
    blocks = neck(torch.randn(3, 6, 5, 5).double()).unflatten(1, (4, 6))
    torch.testing.assert_close(blocks.norm(dim=2), torch.full((3, 4), 0.5).double())


@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e4])
def test_value_and_gradients_stay_finite(scale):
    neck = build().float()
    features = (torch.randn(1, 6, 3, 3) * scale).requires_grad_()
    output = neck(features)
    (output * torch.randn_like(output)).sum().backward()
    for tensor in (output, features.grad, *(p.grad for p in neck.parameters())):
        assert tensor.isfinite().all()
        assert tensor.abs().max() < 1e8


def test_a_location_on_its_centre_leaves_no_residual():
    neck = build(clusters=1)
    with torch.no_grad():
        neck.centroids.copy_(torch.eye(6)[:1])
    features = torch.eye(6).double()[:1, :, None, None].expand(1, 6, 2, 2).clone().requires_grad_()
    output = neck(features)
    assert output.abs().max() < 1e-9
    output.sum().backward()
    assert features.grad.isfinite().all()


def test_reduced_precision_outside_changes_nothing():
    neck, features = build().float(), torch.randn(2, 6, 4, 4)
    expected = neck(features)
    with torch.autocast("cpu", torch.bfloat16):
        inside = neck(features)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, expected, rtol=0, atol=0)


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="num_clusters=0 must be positive"):
        NetVLAD(8, 0)
    with pytest.raises(ValueError, match=r"built for 6 channels.*\[1, 5, 2, 2\]"):
        build()(torch.zeros(1, 5, 2, 2))
