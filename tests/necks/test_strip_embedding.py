"""Strips of a map with embeddings of their own, against one spatial embedding per strip."""

import pytest
import torch

from geoloc.errors import ConfigError
from geoloc.models.necks.spatial_embedding import SpatialEmbedding
from geoloc.models.necks.strip_embedding import StripEmbedding


def test_every_strip_is_a_spatial_embedding() -> None:
    torch.manual_seed(0)
    neck = StripEmbedding((4, 6), num_parts=2, maps_per_part=3)
    features = torch.randn(2, 5, 4, 6)
    expected = []
    for part, rows in enumerate((slice(0, 2), slice(2, 4))):
        alone = SpatialEmbedding(12, num_maps=3)
        alone.maps = neck.maps[part]
        expected.append(alone(features[:, :, rows]))
    torch.testing.assert_close(neck(features), torch.cat(expected, dim=1))


def test_a_part_sees_nothing_of_the_other_strips() -> None:
    torch.manual_seed(0)
    neck = StripEmbedding((4, 6), num_parts=4, maps_per_part=1)
    features = torch.randn(1, 5, 4, 6, requires_grad=True)
    neck(features)[0, 5:10].sum().backward()  # the second strip
    touched = features.grad.abs().sum(dim=(0, 1, 3)) > 0
    assert touched.tolist() == [False, True, False, False]


def test_what_cannot_work_is_named() -> None:
    with pytest.raises(ConfigError, match="num_parts=3 must divide the 4 rows"):
        StripEmbedding((4, 6), num_parts=3)
    with pytest.raises(ValueError, match=r"map of \(4, 6\) cells, got \(4, 5\)"):
        StripEmbedding((4, 6))(torch.zeros(1, 5, 4, 5))
