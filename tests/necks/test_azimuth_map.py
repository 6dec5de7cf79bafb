"""The map of DSM, and convolutions over the seam of a panorama."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from geoloc.errors import ConfigError
from geoloc.models.backbones.dropout_vgg import DropoutVGG
from geoloc.models.necks.azimuth_map import AzimuthMap
from geoloc.models.wrapped_columns import wrap_columns_of


def test_it_keeps_the_columns_and_quarters_the_rows() -> None:
    neck = AzimuthMap(512)
    assert neck(torch.zeros(2, 512, 16, 64)).shape == (2, 16 * 4 * 64)
    # 512 -> 256 -> 64 -> 16, and with two streams and VGG16 to conv4_3 the 17.94 M of the spec
    expected = 9 * (512 * 256 + 256 * 64 + 64 * 16) + 256 + 64 + 16
    assert sum(parameter.numel() for parameter in neck.parameters()) == expected
    assert round(2 * (expected + 7_635_264) / 1e6, 2) == 17.94


def test_the_last_convolution_has_no_activation() -> None:
    torch.manual_seed(0)
    assert (AzimuthMap(3, (5, 4))(torch.randn(2, 3, 8, 8)) < 0).any()


def test_wrapped_columns_turn_with_the_map() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 8, 8, 12)
    for wrap in (True, False):
        neck = AzimuthMap(8, (6, 4), wrap_columns=wrap)
        turned = neck(features.roll(5, dims=3)).view(2, 4, 4, 12).roll(-5, dims=3)
        straight = neck(features).view(2, 4, 4, 12)
        assert torch.allclose(turned, straight, atol=1e-5) is wrap


def test_rows_are_still_padded_with_zeros() -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(2, 3, 3, padding=1)
    image = torch.randn(1, 2, 4, 5)
    wide = torch.cat([image[..., -1:], image, image[..., :1]], dim=3)
    expected = F.conv2d(F.pad(wide, (0, 0, 1, 1)), convolution.weight, convolution.bias)
    wrap_columns_of(convolution)
    torch.testing.assert_close(convolution(image), expected)


def test_a_backbone_may_wrap_its_columns() -> None:
    torch.manual_seed(0)
    network, plain = DropoutVGG(depth=11, wrap_columns=True), DropoutVGG(depth=11)
    for each in (network, plain):
        each.eval()
    plain.load_state_dict(network.state_dict())  # same names
    image = torch.randn(1, 3, 32, 128)
    (straight,), (turned,) = network(image), network(image.roll(32, dims=3))
    torch.testing.assert_close(turned.roll(-1, dims=3), straight, atol=1e-4, rtol=1e-3)
    assert not torch.allclose(plain(image)[0], straight, atol=1e-4)


def test_what_cannot_work_is_named() -> None:
    with pytest.raises(ConfigError, match=r"widths=\(\) must be positive"):
        AzimuthMap(8, ())
    with pytest.raises(ValueError, match="set its channels to 4"):
        AzimuthMap(8)(torch.zeros(1, 4, 2, 2))


def test_a_part_of_the_circle_is_filled_with_zeros() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 8, 8, 5)
    neck = AzimuthMap(8, (6, 4), circle=12)
    found = neck(features).view(2, 4, 4, 12)
    neck.circle = None
    assert torch.equal(found[..., :5], neck(features).view(2, 4, 4, 5))
    assert (found[..., 5:] == 0).all()
    with pytest.raises(ValueError, match=r"13 columns, more than circle=12"):
        AzimuthMap(8, (6, 4), circle=12)(torch.randn(2, 8, 8, 13))
