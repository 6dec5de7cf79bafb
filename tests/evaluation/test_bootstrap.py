import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geoloc.errors import ConfigError
from geoloc.evaluation import HierarchicalRetrieval, bootstrap
from geoloc.evaluation.bootstrap import Bootstrap, Sample, interval

NAN = float("nan")


def sampled_queries(groups: list[int], draws: np.ndarray) -> list[int]:
    """List the queries of one replicate, a drawn group's queries as often as it was drawn."""
    names = sorted(set(groups))
    return [
        query
        for name, times in zip(names, draws.tolist(), strict=True)
        for query in [q for q, group in enumerate(groups) if group == name] * times
    ]


@given(
    st.lists(
        st.tuples(st.integers(-3, 3), st.one_of(st.just(NAN), st.floats(0, 100))),
        min_size=1,
        max_size=30,
    ),
    st.integers(1, 40),
)
def test_replicates_are_the_statistics_of_resampled_queries(queries, block):
    groups, numbers = map(list, zip(*queries, strict=True))
    values = torch.tensor(numbers, dtype=torch.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "VALUES_PER_BLOCK", block)
        drawn = Bootstrap(torch.tensor(groups), replicates=7, seed=3)
        means, medians = drawn.mean(values), drawn.median(values)
    assert (drawn.draws.sum(axis=1) == len(set(groups))).all()
    for draws, mean, median in zip(drawn.draws, means, medians, strict=True):
        sample = [numbers[query] for query in sampled_queries(groups, draws)]
        known = sorted(number for number in sample if not np.isnan(number))
        if not known:
            assert np.isnan(mean)
            assert np.isnan(median)
            continue
        assert mean == pytest.approx(np.mean(known), rel=1e-12, abs=1e-12)
        assert median == known[(len(known) - 1) // 2]


def test_the_sample_itself_leaves_out_queries_without_a_value():
    values = torch.tensor([1.0, NAN, 4.0, 2.0, 9.0])
    assert Sample().mean(values) == 4
    assert Sample().median(values) == 3
    assert np.isnan(Sample().mean(torch.tensor([NAN])))


def test_an_interval_holds_the_middle_of_the_replicates():
    assert interval(np.arange(1001.0)) == pytest.approx((25, 975))
    assert interval(np.append(np.arange(1001.0), np.full(50, NAN))) == pytest.approx((25, 975))
    assert np.isnan(interval(np.full(3, NAN))).all()


def test_intervals_cover_the_truth_as_often_as_they_say():
    """Views of a place share its difficulty: only drawing whole places gives 95 %."""
    generator = np.random.default_rng(0)
    places, views, trials = 60, 10, 200
    place = torch.arange(places).repeat_interleave(views)
    covered = {"place": 0, "query": 0}
    for trial in range(trials):
        difficulty = generator.normal(size=places).repeat(views)
        values = torch.from_numpy(difficulty + 0.3 * generator.normal(size=places * views))
        for resample in covered:
            groups = bootstrap.resampled_groups(place, resample)
            low, high = interval(Bootstrap(groups, replicates=200, seed=trial).mean(values))
            covered[resample] += low <= 0 <= high
    assert 0.88 <= covered["place"] / trials <= 0.99  # 0.95 +- 4 standard errors
    assert covered["query"] / trials < 0.60


def test_draws_depend_on_the_seed_alone():
    groups = torch.arange(50)
    one, same, other = (Bootstrap(groups, 20, seed).draws for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_what_is_drawn_must_be_known():
    with pytest.raises(ConfigError, match="resample='image' must be one of place, query"):
        HierarchicalRetrieval(resample="image")
