import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from geoloc.datasets.place_levels import DistanceLevels, LabelTreeLevels
from geoloc.errors import ConfigError
from geoloc.evaluation.rerank import (
    DA_CAMPUS_K1,
    k1_from_training,
    k_reciprocal_rerank,
    multi_scale_rerank,
)
from tests.evaluation.rerank_definition import (
    cosine_distance,
    k_reciprocal_distance,
    multi_scale_distance,
)
from tests.evaluation.test_rerank_k_reciprocal import clusters

VARIANTS = ["segment", "accumulate"]


@pytest.mark.parametrize("name", ["hr_msrerank_small_k", "hr_msrerank_default_k"])
def test_published_code_and_text_give_the_same_distances(golden, name):
    arrays = golden(name)
    query, gallery = (torch.from_numpy(arrays[side]) for side in "qg")
    numbers = arrays["k1s"].tolist(), int(arrays["k2s"][0]), float(arrays["lam"])
    for variant, source, atol in (
        ("segment", "official", 3e-6),
        ("segment", "ref_official_scheme_f64", 1e-9),
        ("accumulate", "paper_algorithm1_f64", 1e-9),
    ):
        found = multi_scale_rerank(query.double(), gallery.double(), *numbers, variant)
        np.testing.assert_allclose(found, arrays[source], rtol=0, atol=atol)
        single = multi_scale_rerank(query, gallery, *numbers, variant)
        np.testing.assert_allclose(single, arrays[source], rtol=0, atol=atol + 2e-7)


def test_the_definition_in_this_folder_gives_the_golden_values(golden):
    arrays = golden("hr_msrerank_small_k")
    distance = cosine_distance(arrays["q"], arrays["g"], normalize=False)
    k1_list = arrays["k1s"].tolist()
    per_scale = [k_reciprocal_distance(distance, k1, 3, 0.3) for k1 in k1_list]
    for variant, source in zip(
        VARIANTS, ["ref_official_scheme_f64", "paper_algorithm1_f64"], strict=True
    ):
        found = multi_scale_distance(per_scale, k1_list, len(arrays["q"]), variant)
        np.testing.assert_allclose(found, arrays[source], rtol=0, atol=1e-9)


@settings(max_examples=20)
@given(
    queries=st.integers(1, 6),
    gallery=st.integers(1, 18),
    dims=st.integers(1, 5),
    k1_list=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    k2=st.integers(1, 6),
    repeated=st.booleans(),
    seed=st.integers(0, 999),
)
@example(1, 1, 2, [20, 62, 292], 6, False, 0)  # fewer images than k
@example(1, 20, 3, [2, 5, 9], 3, False, 1)  # one query
@example(4, 16, 1, [2, 5, 9], 3, False, 2)  # every cosine is 1 or -1: nothing but ties
def test_any_images_give_what_the_definition_says(
    queries, gallery, dims, k1_list, k2, repeated, seed
):
    images = clusters(queries + gallery, dims, seed)
    if repeated:
        rng = np.random.default_rng(seed)
        images = images[rng.integers(0, max(1, len(images) // 4), len(images))]
    distance = cosine_distance(images[:queries], images[queries:])
    per_scale = [k_reciprocal_distance(distance, k1, k2, 0.3) for k1 in k1_list]
    for variant in VARIANTS:
        found = multi_scale_rerank(
            torch.from_numpy(images[:queries]),
            torch.from_numpy(images[queries:]),
            k1_list, k2, 0.3, variant, clip_k=True,
        )  # fmt: skip
        want = multi_scale_distance(per_scale, k1_list, queries, variant)
        np.testing.assert_allclose(found, want, rtol=0, atol=1e-9)


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_scale_is_k_reciprocal_re_ranking(variant):
    images = torch.from_numpy(clusters(60, 6, seed=0))
    found = multi_scale_rerank(images[:9], images[9:], [8], 3, 0.3, variant)
    want = k_reciprocal_rerank(images[:9], images[9:], 8, 3, 0.3)
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-13)


def test_accumulating_keeps_the_first_images_of_the_first_scale():
    images = torch.from_numpy(clusters(90, 6, seed=1))
    found = multi_scale_rerank(images[:9], images[9:], [6, 15, 40], 3, variant="accumulate")
    base = k_reciprocal_rerank(images[:9], images[9:], 6, 3)
    head = base.argsort(dim=1, stable=True)[:, :6]
    assert torch.equal(found.argsort(dim=1, stable=True)[:, :6], head)
    # ... and the rest is not simply the first scale's ranking
    assert not torch.equal(found.argsort(dim=1, stable=True), base.argsort(dim=1, stable=True))


def test_segments_lie_one_behind_the_other():
    images = torch.from_numpy(clusters(90, 6, seed=2))
    found = multi_scale_rerank(images[:9], images[9:], [6, 15, 40], 3)
    scale = found.floor()
    assert set(scale.unique().tolist()) == {0, 1, 2}
    assert ((scale == 0).sum(dim=1) <= 7).all()  # some of the k + 1 nearest are queries
    assert ((scale <= 1).sum(dim=1) <= 7 + 16).all()


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"k1_list": [20, 31]}, "k1=31 is larger than the gallery of 30 images"),
        ({"k1_list": []}, "k1_list is empty"),
        ({"k1_list": [20, 0]}, "k1=0 must be a whole number"),
        ({"variant": "sum"}, "variant='sum' must be one of segment, accumulate"),
        ({"k2": 0}, "k2=0 must be"),
        ({"lam": -0.1}, r"lam=-0\.1"),
    ],
)
def test_numbers_that_cannot_work_are_named(settings_, message):
    arguments = {"k1_list": [5, 10], **settings_}
    with pytest.raises(ConfigError, match=message):
        multi_scale_rerank(torch.ones(3, 4), torch.ones(30, 4), **arguments)


def test_descriptors_that_cannot_be_compared_are_named():
    gallery = torch.ones(30, 4)
    with pytest.raises(ValueError, match="query 0 contains NaN"):
        multi_scale_rerank(torch.full((1, 4), math.nan), gallery, [5])
    with pytest.raises(ValueError, match="query 0 is zero"):
        multi_scale_rerank(torch.zeros(1, 4), gallery, [5])
    with pytest.raises(ValueError, match="one width"):
        multi_scale_rerank(torch.ones(1, 5), gallery, [5])
    with pytest.raises(ValueError, match="gallery is empty"):
        multi_scale_rerank(torch.ones(1, 4), gallery[:0], [5])


def test_k1_is_a_share_of_the_mean_number_of_positive_images():
    table = torch.tensor([[3, 2, 1, 0], [2, 3, 1, 0], [1, 1, 3, 0], [0, 0, 0, 3]])
    images = torch.tensor([100, 200, 300, 450])
    mean = [
        (100 + 200 + 300 + 450) / 4,
        (300 + 300 + 300 + 450) / 4,
        (600 + 600 + 600 + 450) / 4,
    ]
    found = k1_from_training(DistanceLevels(table.to(torch.int8), 3), images)
    assert found == [round(0.1 * size) for size in mean] == [26, 34, 56]
    assert k1_from_training(DistanceLevels(table, 3), images, minimum=30) == [30, 34, 56]
    assert k1_from_training(DistanceLevels(table, 3), images, mu=0.5) == [131, 169, 281]


def test_k1_from_labels_of_a_tree_equals_the_count_of_every_pair():
    generator = torch.Generator().manual_seed(0)
    fine = torch.arange(700)
    labels = torch.stack([fine, fine // 7, fine // 70], dim=1)
    images = torch.randint(0, 9, (700,), generator=generator)
    middle = [int(images[fine // 7 == place // 7].sum()) for place in range(700)]
    coarse = [int(images[fine // 70 == place // 70].sum()) for place in range(700)]
    means = [float(images.double().mean()), sum(middle) / 700, sum(coarse) / 700]
    found = k1_from_training(LabelTreeLevels(labels), images, mu=0.4, minimum=1)
    assert found == [round(0.4 * mean) for mean in means]
    assert list(DA_CAMPUS_K1) == [20, 62, 292]


@pytest.mark.parametrize(
    ("images", "settings_", "message"),
    [
        ([1, 2], {}, r"shape \[2\], but there are 3 places"),
        ([1, -2, 3], {}, "none below 0"),
        ([1, 2, 3], {"mu": 0.0}, r"mu=0\.0 must be above 0"),
        ([1, 2, 3], {"minimum": 0}, "minimum=0 at least 1"),
    ],
)
def test_k1_refuses_numbers_that_do_not_fit(images, settings_, message):
    levels = DistanceLevels(3 * torch.eye(3, dtype=torch.int8), 3)
    with pytest.raises(ConfigError, match=message):
        k1_from_training(levels, torch.tensor(images), **settings_)
