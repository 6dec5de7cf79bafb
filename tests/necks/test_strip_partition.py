import pytest
import torch

from geoloc.errors import ConfigError
from geoloc.registry import NECKS


def build(**arguments):
    return NECKS.build({"type": "StripPartition", **arguments})


def test_rows_and_columns_are_means_of_strips():
    features = torch.randn(2, 3, 8, 6, generator=torch.Generator().manual_seed(0))
    rows = build(num_parts=4)(features)
    columns = build(num_parts=3, direction="columns")(features)
    assert rows.shape == (2, 3, 4)
    for part in range(4):
        strip = features[:, :, 2 * part : 2 * part + 2]
        torch.testing.assert_close(rows[:, :, part], strip.mean(dim=(2, 3)))
    for part in range(3):
        strip = features[:, :, :, 2 * part : 2 * part + 2]
        torch.testing.assert_close(columns[:, :, part], strip.mean(dim=(2, 3)))


@pytest.mark.parametrize("direction", ["rows", "columns"])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (9, 7)])
def test_any_size_keeps_a_constant_map(direction, size):
    parts = build(num_parts=4, direction=direction)(torch.full((2, 3, *size), 0.7))
    torch.testing.assert_close(parts, torch.full((2, 3, 4), 0.7))


def test_impossible_settings_are_named():
    with pytest.raises(ConfigError, match="num_parts=0"):
        build(num_parts=0)
    with pytest.raises(ConfigError, match="direction='up' must be one of rows, columns"):
        build(num_parts=2, direction="up")
    with pytest.raises(ValueError, match=r"\[N, C, H, W\], got \[1, 2\]"):
        build(num_parts=2)(torch.zeros(1, 2))
