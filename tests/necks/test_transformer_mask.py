from typing import Any

import pytest
import torch

from geoloc.errors import ConfigError
from geoloc.registry import NECKS

BUILD = {
    "type": "TransformerMask",
    "in_channels": 6,
    "map_size": (2, 4),
    "embed_dims": 8,
    "num_heads": 2,
    "depth": 1,
    "maps_per_branch": 3,
}


def neck(**options: Any) -> Any:
    torch.manual_seed(0)
    return NECKS.build({**BUILD, **options}).eval()


def test_features_are_summed_by_the_importances_of_every_branch() -> None:
    built = neck()
    features = torch.randn(2, 6, 2, 4)
    output = built(features)
    assert output.shape == (2, 2 * 3 * 6)
    position = 0
    for branch in built.branches:
        maps = branch(features)
        assert maps.shape == (2, 3, 8)
        torch.testing.assert_close(maps.sum(dim=2), torch.ones(2, 3))
        for number in range(3):
            expected = torch.zeros(2, 6)
            for row in range(2):
                for column in range(4):
                    weight = maps[:, number, 4 * row + column, None]
                    expected += weight * features[:, :, row, column]
            torch.testing.assert_close(output[:, position : position + 6], expected)
            position += 6


def test_the_cells_of_a_window_share_their_importance() -> None:
    maps = neck(windows=(2,)).branches[0](torch.randn(1, 6, 2, 4)).reshape(3, 2, 4)
    assert torch.equal(maps[:, 0], maps[:, 1])
    assert torch.equal(maps[..., ::2], maps[..., 1::2])
    assert not torch.equal(maps[:, 0, 0], maps[:, 0, 2])


def test_a_uniform_map_is_its_own_sum() -> None:
    features = torch.rand(2, 6, 1, 1).expand(2, 6, 2, 4)
    output = neck()(features).reshape(2, 6, 6)
    torch.testing.assert_close(output, features[:, None, :, 0, 0].expand(2, 6, 6))


def test_all_of_it_learns() -> None:
    built = neck().train()
    built(torch.randn(2, 6, 2, 4)).square().sum().backward()
    unused = [name for name, p in built.named_parameters() if p.grad is None or not p.grad.any()]
    # A constant added to all scores changes no softmax.
    assert [name for name in unused if "importance.bias" not in name] == []


def test_half_precision_comes_out_as_float32() -> None:
    assert neck()(torch.randn(1, 6, 2, 4).bfloat16()).dtype == torch.float32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"windows": (3,)}, "a window of 3 cells must divide"),
        ({"windows": ()}, r"windows=\(\)"),
        ({"num_heads": 3}, "num_heads divide embed_dims"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message) -> None:
    with pytest.raises(ConfigError, match=message):
        neck(**options)


def test_a_map_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"set map_size to its rows and columns"):
        neck()(torch.randn(1, 6, 4, 4))
