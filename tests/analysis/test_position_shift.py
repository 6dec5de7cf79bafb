import numpy as np
import pytest
import torch
from scipy import stats

from geoloc.analysis.position_shift import position_shifts
from geoloc.errors import ConfigError
from geoloc.evaluation.rerank.k_reciprocal import k_reciprocal_rerank


def by_hand(descriptors: torch.Tensor, k1: int, k2: int) -> tuple[np.ndarray, float]:
    """Re-rank every image alone, as one query with all others as its gallery."""
    count = len(descriptors)
    shifts, taus = np.zeros(count - 1), []
    for row in range(count):
        others = [other for other in range(count) if other != row]
        query, gallery = descriptors[row : row + 1], descriptors[others]
        before = np.argsort(-(query @ gallery.T)[0].numpy(), kind="stable")
        after = np.argsort(
            k_reciprocal_rerank(query, gallery, k1=k1, k2=k2)[0].numpy(), kind="stable"
        )
        shifts += np.abs(np.argsort(after)[before] - np.arange(count - 1))
        taus.append(stats.kendalltau(np.argsort(before), np.argsort(after)).statistic)
    return shifts / count, float(np.mean(taus))


@pytest.mark.parametrize(("k1", "k2"), [(4, 6), (15, 6), (15, 2)])
def test_shifts_are_those_of_single_queries(descriptors, k1, k2) -> None:
    (found,) = position_shifts(descriptors.double(), [k1], k2)
    shifts, tau = by_hand(descriptors.double(), k1, k2)
    assert found.k1 == k1
    assert found.kendall == pytest.approx(tau, abs=1e-9)
    assert np.mean(shifts) > 0.5
    place = 0
    for position, shift in zip(found.position, found.shift, strict=True):
        width = round(2 * (position - place - 0.5))  # a bin's mean position tells its width
        assert shift == pytest.approx(shifts[place : place + width].mean(), abs=1e-9)
        place += width
    assert place == len(shifts)


def test_a_larger_k1_is_another_curve(descriptors) -> None:
    small, large = position_shifts(descriptors, [2, 20])
    assert small.shift != large.shift
    assert small.kendall > large.kendall


@pytest.mark.parametrize("k1", [0, 40])
def test_a_k1_out_of_range_is_named(descriptors, k1) -> None:
    with pytest.raises(ConfigError, match=rf"k1={k1} must be in 1 .. 39"):
        position_shifts(descriptors, [5, k1])
