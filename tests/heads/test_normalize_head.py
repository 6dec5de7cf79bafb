import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloc.registry import HEADS


def build():
    return HEADS.build({"type": "NormalizeHead"})


def test_descriptors_of_the_official_model(golden):
    expected = golden("cv_cvcities_mixvpr")["out"]
    lengths = np.array([[0.01], [1], [300]], dtype=np.float32)
    descriptor = build()(torch.from_numpy(lengths * expected))
    np.testing.assert_allclose(descriptor, expected, rtol=0, atol=1e-6)


@given(st.integers(1, 5), st.integers(1, 9), st.sampled_from([1e-3, 1.0, 1e4]), st.integers(0, 99))
@settings(max_examples=30)
def test_rows_keep_their_direction_and_get_length_1(rows, dims, size, seed):
    pooled = torch.randn(rows, dims, generator=torch.Generator().manual_seed(seed)) * size
    descriptor = build()(pooled)
    for row, unit in zip(pooled.double().numpy(), descriptor.double().numpy(), strict=True):
        np.testing.assert_allclose(unit, row / np.sqrt(sum(row**2)), rtol=0, atol=1e-6)


def test_descriptors_are_float32_of_unit_length_inside_autocast():
    pooled = torch.randn(64, 48, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        descriptor = build()(pooled.bfloat16())
    assert descriptor.dtype == torch.float32
    assert (descriptor.norm(dim=1) - 1).abs().max() < 1e-6
    assert build()(pooled.double()).dtype == torch.float64


def test_a_zero_vector_gives_no_nan():
    pooled = torch.zeros(1, 4, requires_grad=True)
    build()(pooled).sum().backward()
    assert pooled.grad.isfinite().all()


def test_the_sum_of_two_embeddings_becomes_a_descriptor():
    head = build()
    one, other = head(torch.randn(6, 8, generator=torch.Generator().manual_seed(1))).split(3)
    torch.testing.assert_close(head.descriptor(one), one)
    total = one + other
    torch.testing.assert_close(head.descriptor(total), total / total.norm(dim=1, keepdim=True))


def test_it_has_nothing_to_learn():
    assert not build().state_dict()


@pytest.mark.parametrize("shape", [(4,), (4, 8, 3), (4, 8, 2, 2)])
def test_features_of_another_shape_are_named(shape):
    with pytest.raises(
        ValueError, match=r"pooled features \[B, D\].*one vector per image"
    ) as error:
        build()(torch.zeros(shape))
    assert str(list(shape)) in str(error.value)
