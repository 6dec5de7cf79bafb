import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geoloc.errors import ConfigError
from geoloc.registry import NECKS

OFFICIAL = {
    "u1652": {"order": "outward", "align_corners": True},
    "cvusa_vgg": {"order": "inward"},
    "cvusa_r50": {"order": "inward"},
}
ODD_CASE = 4  # a 9 x 9 map
SMALL_CASE = 2  # 8 parts of an 8 x 8 map, which is enlarged


def build(**arguments):
    return NECKS.build({"type": "SquareRingPartition", **arguments})


def by_loops(features, num_parts, overlap=False, pool=torch.mean):
    """Pool every ring position by position; the map must have 2 P rows and columns or more."""
    height, width = features.shape[2:]
    high, wide = height // (2 * num_parts), width // (2 * num_parts)

    def inside(row, column, square):
        if square == num_parts:
            return True
        return (
            height // 2 - square * high <= row < height // 2 + square * high
            and width // 2 - square * wide <= column < width // 2 + square * wide
        )

    parts = []
    for square in range(1, num_parts + 1):
        members = [
            features[:, :, row, column]
            for row in range(height)
            for column in range(width)
            if inside(row, column, square) and (overlap or not inside(row, column, square - 1))
        ]
        parts.append(pool(torch.stack(members), dim=0))
    return torch.stack(parts, dim=2)


@pytest.mark.parametrize("case", range(5))
@pytest.mark.parametrize("code", OFFICIAL)
@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_official_pooling_matches_the_official_code(golden, case, code, overlap, pooling):
    arrays = golden("cv_lpn_ring_pool")
    neck = build(
        num_parts=int(arrays[f"case{case}_block"]),
        pooling=pooling,
        overlap=overlap,
        official=True,
        **OFFICIAL[code],
    )
    parts = neck(torch.from_numpy(arrays[f"case{case}_x"]))
    expected = arrays[f"case{case}_{code}_{pooling}{'_overlap' if overlap else ''}"]
    np.testing.assert_allclose(parts, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("case", range(5))
@pytest.mark.parametrize("code", OFFICIAL)
def test_the_mean_over_a_ring_is_the_official_one_times_square_over_ring(golden, case, code):
    arrays = golden("cv_lpn_ring_pool")
    num_parts = int(arrays[f"case{case}_block"])
    features = torch.from_numpy(arrays[f"case{case}_x"])
    side = features.shape[2] if case != SMALL_CASE else 16
    width = side // (2 * num_parts)
    sides = np.array([2 * width * i for i in range(num_parts)] + [side])
    factor = sides[1:] ** 2 / np.diff(sides**2)
    if OFFICIAL[code]["order"] == "inward":
        factor = factor[::-1]
    parts = build(num_parts=num_parts, **OFFICIAL[code])(features)
    np.testing.assert_allclose(
        parts, arrays[f"case{case}_{code}_avg"] * factor, rtol=1e-5, atol=1e-5
    )
    assert factor.max() > 1


def test_the_official_maximum_of_an_odd_map_is_taken_after_a_shifted_subtraction(golden):
    arrays = golden("cv_lpn_ring_pool")
    features = torch.from_numpy(arrays[f"case{ODD_CASE}_x"])
    shifted = features.clone()
    shifted[:, :, 3:7, 3:7] -= features[:, :, 2:6, 2:6]
    official = build(num_parts=3, pooling="max", official=True)(features)
    torch.testing.assert_close(official[:, :, 2], shifted.amax(dim=(2, 3)))
    right = build(num_parts=3, pooling="max")(features)
    torch.testing.assert_close(right, by_loops(features, 3, pool=torch.amax))
    assert (official != right).any()


@given(
    num_parts=st.integers(1, 4),
    extra=st.tuples(st.integers(0, 7), st.integers(0, 7)),
    overlap=st.booleans(),
    pooling=st.sampled_from(["avg", "max"]),
    seed=st.integers(0, 100),
)
def test_any_map_matches_plain_loops(num_parts, extra, overlap, pooling, seed):
    size = [2 * num_parts + more for more in extra]
    features = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(seed)).double()
    parts = build(num_parts=num_parts, overlap=overlap, pooling=pooling)(features)
    pool = torch.mean if pooling == "avg" else torch.amax
    torch.testing.assert_close(parts, by_loops(features, num_parts, overlap, pool))


@given(
    num_parts=st.integers(1, 5),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    pooling=st.sampled_from(["avg", "max"]),
)
def test_a_constant_map_has_constant_parts(num_parts, size, pooling):
    parts = build(num_parts=num_parts, pooling=pooling)(torch.full((1, 2, *size), -0.7))
    torch.testing.assert_close(parts, torch.full((1, 2, num_parts), -0.7))


def test_rings_do_not_change_when_an_even_map_is_turned_by_quarters():
    features = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    for pooling in ("avg", "max"):
        neck = build(num_parts=3, pooling=pooling)
        torch.testing.assert_close(neck(features.rot90(1, (2, 3))), neck(features))


def test_orders_are_reversed_and_both_poolings_joined_on_the_channels():
    features = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    both = build(num_parts=4, pooling="avg+max")(features)
    assert both.shape == (2, 6, 4)
    torch.testing.assert_close(both[:, :3], build(num_parts=4)(features))
    torch.testing.assert_close(both[:, 3:], build(num_parts=4, pooling="max")(features))
    inward = build(num_parts=4, pooling="avg+max", order="inward")(features)
    torch.testing.assert_close(inward, both.flip(2))


@pytest.mark.parametrize("pooling", ["avg", "max"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_maps_stay_finite(pooling, dtype):
    features = torch.full((1, 2, 16, 16), 1e4, dtype=dtype)
    parts = build(num_parts=4, pooling=pooling)(features)
    assert parts.dtype == dtype
    assert (parts / 1e4 - 1).abs().max() < 1e-2


def test_gradients_match_finite_differences():
    generator = torch.Generator().manual_seed(2)
    features = torch.randn(1, 2, 5, 7, generator=generator).double().requires_grad_()
    assert torch.autograd.gradcheck(build(num_parts=2, pooling="avg+max"), (features,))


def test_impossible_settings_and_maps_are_named():
    with pytest.raises(ConfigError, match="num_parts=0"):
        build(num_parts=0)
    with pytest.raises(ConfigError, match="order='up' must be one of outward, inward"):
        build(num_parts=2, order="up")
    with pytest.raises(ConfigError, match=r"pooling='sum' must be one of avg, max, avg\+max"):
        build(num_parts=2, pooling="sum")
    with pytest.raises(ValueError, match=r"square feature map, got \[1, 2, 4, 6\]"):
        build(num_parts=2, official=True)(torch.zeros(1, 2, 4, 6))
    with pytest.raises(ValueError, match=r"\[N, C, H, W\], got \[1, 2\]"):
        build(num_parts=2)(torch.zeros(1, 2))
