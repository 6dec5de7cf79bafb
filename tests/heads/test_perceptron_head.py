import pytest
import torch

from geoloc.models.heads import PerceptronHead


def test_it_is_the_official_image_perceptron() -> None:
    head = PerceptronHead()
    assert sum(parameter.numel() for parameter in head.parameters()) == 984_320
    first, _, second = head.mlp
    features = torch.rand(2, 768)
    hidden = (features @ first.weight.T + first.bias).clamp_min(0)
    torch.testing.assert_close(head(features), hidden @ second.weight.T + second.bias)


def test_other_widths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"needs features \[B, 768\], got \[2, 5\]; set in_dims"):
        PerceptronHead()(torch.rand(2, 5))
