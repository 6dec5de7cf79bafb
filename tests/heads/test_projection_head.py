import numpy as np
import pytest
import torch

from geoloc.registry import HEADS, NECKS


def golden_head(arrays, **arguments):
    embed_dims, in_dims = arrays["weight"].shape
    head = HEADS.build(
        {"type": "ProjectionHead", "in_dims": in_dims, "embed_dims": embed_dims, **arguments}
    )
    with torch.no_grad():
        head.fc.weight.copy_(torch.from_numpy(arrays["weight"]))
        head.fc.bias.copy_(torch.from_numpy(arrays["bias"]))
    return head


def test_pooling_and_head_match_the_official_model(golden):
    arrays = golden("hr_head")
    neck = NECKS.build({"type": "mmpretrain.GlobalAveragePooling"})
    pooled = neck(torch.from_numpy(arrays["feature_map"]))
    descriptor = golden_head(arrays)(pooled)
    np.testing.assert_allclose(descriptor.detach(), arrays["embedding"], atol=1e-6)


def test_without_norm_the_scale_of_the_features_matters(golden):
    arrays = golden("hr_head")
    pooled = torch.from_numpy(arrays["feature_map"]).mean(dim=(2, 3))
    plain = golden_head(arrays, norm=False)
    expected = pooled.double().numpy() @ arrays["weight"].T + arrays["bias"]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(plain(pooled).detach(), expected, atol=1e-6)
    normed = golden_head(arrays)
    torch.testing.assert_close(normed(3 * pooled + 2), normed(pooled), atol=1e-4, rtol=0)


def test_the_layer_norm_has_no_parameters():
    head = HEADS.build({"type": "ProjectionHead"})
    assert {name: tuple(p.shape) for name, p in head.named_parameters()} == {
        "fc.weight": (512, 2048),
        "fc.bias": (512,),
    }


def test_descriptors_are_float32_of_unit_length_inside_autocast():
    head = HEADS.build({"type": "ProjectionHead", "in_dims": 32, "embed_dims": 48})
    pooled = torch.randn(64, 32, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        descriptor = head(pooled)
    assert descriptor.dtype == torch.float32
    assert (descriptor.norm(dim=1) - 1).abs().max() < 1e-6
    assert head.double()(pooled.double()).dtype == torch.float64


@pytest.mark.parametrize("shape", [(4, 31), (4, 32, 1, 1), (32,)])
def test_features_of_another_shape_are_named(shape):
    head = HEADS.build({"type": "ProjectionHead", "in_dims": 32, "embed_dims": 8})
    with pytest.raises(ValueError, match=r"pooled features \[B, 32\].*set in_dims") as error:
        head(torch.zeros(shape))
    assert str(list(shape)) in str(error.value)


def test_the_sum_of_two_embeddings_becomes_a_descriptor():
    head = HEADS.build({"type": "ProjectionHead", "in_dims": 32, "embed_dims": 8})
    one, other = head(
        torch.randn(2, 5, 32, generator=torch.Generator().manual_seed(0)).flatten(0, 1)
    ).split(5)
    torch.testing.assert_close(head.descriptor(one), one)
    total = one + other
    torch.testing.assert_close(head.descriptor(total), total / total.norm(dim=1, keepdim=True))
    assert head.descriptor(total.bfloat16()).dtype == torch.float32
