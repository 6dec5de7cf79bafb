import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from geoloc.benchmark.statistics import estimate, rank_correlation

NUMBERS = st.floats(0, 100, allow_subnormal=False)


@given(st.lists(NUMBERS, min_size=2, max_size=6).filter(lambda v: np.std(v) > 1e-6))
def test_the_interval_is_students(values):
    result = estimate(values)
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert (result.low, result.high) == pytest.approx((low, high), rel=1e-9, abs=1e-9)
    assert result.values == tuple(values)
    assert result.mean == pytest.approx(sum(values) / len(values))


def test_the_interval_by_hand():
    # s = 1 with n = 3; the table of Student's t says 4.303 for two degrees of freedom.
    result = estimate([1, 2, 3])
    assert result.mean == 2
    assert result.high - 2 == pytest.approx(4.303 / math.sqrt(3), abs=1e-3)
    assert 2 - result.low == pytest.approx(4.303 / math.sqrt(3), abs=1e-3)


def test_one_seed_has_no_interval_and_equal_seeds_a_narrow_one():
    assert estimate([7]) == ((7.0,), 7.0, None, None)
    assert estimate([7, 7]) == ((7.0, 7.0), 7.0, 7.0, 7.0)


def tau(ours, theirs):
    """Return Kendall's tau-b from its definition, pair by pair."""
    pairs = [
        (np.sign(ours[i] - ours[j]), np.sign(theirs[i] - theirs[j]))
        for i, j in itertools.combinations(range(len(ours)), 2)
    ]
    untied = [sum(pair[side] != 0 for pair in pairs) for side in (0, 1)]
    return sum(a * b for a, b in pairs) / math.sqrt(untied[0] * untied[1])


def rho(ours, theirs):
    """Return Spearman's rho from its definition: the correlation of the mean ranks."""
    ranks = [
        [sum(b < a for b in side) + (sum(b == a for b in side) + 1) / 2 for a in side]
        for side in (ours, theirs)
    ]
    return np.corrcoef(ranks)[0, 1]


DIGITS = st.integers(0, 5)


@given(
    st.lists(st.tuples(DIGITS, DIGITS), min_size=3, max_size=8).filter(
        lambda pairs: all(len(set(side)) > 1 for side in zip(*pairs, strict=True))
    )
)
def test_coefficients_are_those_of_the_definition(pairs):
    ours, theirs = zip(*pairs, strict=True)
    result = rank_correlation(ours, theirs)
    assert result.methods == len(pairs)
    assert result.kendall == pytest.approx(tau(ours, theirs), abs=1e-9)
    assert result.spearman == pytest.approx(rho(ours, theirs), abs=1e-9)


def test_the_p_value_counts_the_orders_at_least_as_far_from_chance():
    ours = [5.0, 1.0, 2.5, 4.0, 3.0]
    theirs = [1.0, 2.0, 3.0, 4.0, 5.0]
    orders = list(itertools.permutations(ours))
    as_far = sum(abs(tau(order, theirs)) >= abs(tau(ours, theirs)) - 1e-9 for order in orders)
    assert rank_correlation(ours, theirs).p_value == pytest.approx(as_far / len(orders))


@pytest.mark.filterwarnings("error")
def test_equal_numbers_have_no_order():
    for sides in (([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [4, 4, 4])):
        result = rank_correlation(*sides)
        assert result.methods == 3
        assert np.isnan(result[1:]).all()


def test_fewer_than_three_methods_have_no_order_to_compare():
    for ours in ([], [3.0], [3.0, 1.0]):
        result = rank_correlation(ours, ours)
        assert result.methods == len(ours)
        assert np.isnan(result[1:]).all()
