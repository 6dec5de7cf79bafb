import pytest
import torch

from geoloc.errors import ConfigError
from geoloc.models.necks.spatial_embedding import SpatialEmbedding
from geoloc.registry import NECKS


def test_it_equals_the_official_code(golden) -> None:
    vectors = golden("cv_safa_spe")
    features = torch.from_numpy(vectors["x"]).permute(0, 3, 1, 2)
    neck = SpatialEmbedding(positions=24, num_maps=3)
    with torch.no_grad():
        for name, source in (("weight_1", "weights1"), ("weight_2", "weights2")):
            values = torch.from_numpy(vectors[f"param_{source}"]).permute(2, 0, 1)
            getattr(neck.maps, name).copy_(values)
        for name, source in (("bias_1", "biases1"), ("bias_2", "biases2")):
            getattr(neck.maps, name).copy_(torch.from_numpy(vectors[f"param_{source}"])[0].T)
        maps = neck.maps(features.flatten(2))
        output = neck(features)
    expected = torch.from_numpy(vectors["pos_weights"])
    torch.testing.assert_close(maps.transpose(1, 2), expected, rtol=1e-4, atol=1e-4)
    wanted = torch.from_numpy(vectors["global_desc"])
    torch.testing.assert_close(output, wanted, rtol=1e-4, atol=1e-4)
    unit = torch.nn.functional.normalize(output)
    torch.testing.assert_close(unit, torch.from_numpy(vectors["desc"]), rtol=1e-4, atol=1e-5)


def test_it_is_a_sum_over_positions() -> None:
    torch.manual_seed(0)
    neck = NECKS.build({"type": "SpatialEmbedding", "positions": 6, "num_maps": 2}).double()
    features = torch.randn(3, 5, 2, 3).double()
    maps = neck.maps(features.flatten(2))
    output = neck(features)
    assert output.shape == (3, 10)
    for image in range(3):
        for d in range(2):
            for channel in range(5):
                total = sum(
                    features[image, channel, p // 3, p % 3] * maps[image, d, p] for p in range(6)
                )
                assert output[image, d * 5 + channel].item() == pytest.approx(total.item())


def test_a_fresh_embedding_starts_as_the_paper_says() -> None:
    neck = SpatialEmbedding(positions=64, num_maps=8)
    assert sum(p.numel() for p in neck.parameters()) == 8 * (2 * 64 * 32 + 32 + 64)
    assert neck.maps.weight_1.std().item() == pytest.approx(0.0044, abs=3e-4)  # cut at two sigma
    assert neck.maps.weight_1.abs().max().item() <= 0.01
    assert (neck.maps.bias_1 == 0.1).all()


def test_another_number_of_positions_is_refused() -> None:
    with pytest.raises(ValueError, match=r"built for 6 positions, the feature map has 8"):
        SpatialEmbedding(6)(torch.randn(1, 3, 2, 4))
    with pytest.raises(ConfigError, match="positions=1 must be at least 2"):
        SpatialEmbedding(1)
