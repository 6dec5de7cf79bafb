import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from geoloc.datasets.index import Index
from geoloc.errors import ConfigError
from geoloc.evaluation.rerank import k_reciprocal_rerank
from geoloc.evaluation.results import save_run
from geoloc.registry import METRICS
from tests.conftest import ROOT
from tests.evaluation.rerank_definition import cosine_distance, k_reciprocal_distance

SIDE = {"cosine": "cosdist", "euclidean": "euclid"}


def clusters(rows, dims, seed, noise=0.6):
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=(max(1, rows // 6), dims))
    return centre[rng.integers(0, len(centre), rows)] + noise * rng.normal(size=(rows, dims))


def expected(query, gallery, k1, k2, lam, power=2):
    distance = k_reciprocal_distance(cosine_distance(query, gallery), k1, k2, lam, power)
    return distance[: len(query), len(query) :]


def assert_defined(query, gallery, k1, k2, lam, distance="cosine"):
    found = k_reciprocal_rerank(
        *(torch.from_numpy(side).double() for side in (query, gallery)),
        k1, k2, lam, distance=distance, clip_k=True,
    )  # fmt: skip
    power = {"cosine": 2, "euclidean": 1}[distance]
    want = expected(query, gallery, k1, k2, lam, power)
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-9)


@pytest.mark.parametrize("distance", SIDE)
@pytest.mark.parametrize("name", ["hr_kreciprocal", "hr_kreciprocal_default"])
def test_published_code_gives_the_same_distances(golden, name, distance):
    arrays = golden(name)
    numbers = int(arrays["k1"]), int(arrays["k2"]), float(arrays["lam"])
    query, gallery = (torch.from_numpy(arrays[side]) for side in "qg")
    exact = k_reciprocal_rerank(query.double(), gallery.double(), *numbers, distance=distance)
    single = k_reciprocal_rerank(query, gallery, *numbers, distance=distance)
    assert single.dtype == torch.float32
    for source, atol in (("zhong_{}", 5e-7), ("dycl_single_{}", 5e-7), ("ref_{}_f64", 2e-8)):
        want = arrays[source.format(SIDE[distance])]
        np.testing.assert_allclose(exact, want, rtol=0, atol=atol)
        np.testing.assert_allclose(single, want, rtol=0, atol=atol + 6e-8)
        np.testing.assert_array_equal(exact.argmin(dim=1), want.argmin(axis=1))


def test_the_definition_in_this_folder_gives_the_golden_values(golden):
    arrays = golden("hr_kreciprocal")
    # The golden vectors take 1 - q.g of float32 rows whose norm is 1 to seven digits only.
    distance = cosine_distance(arrays["q"], arrays["g"], normalize=False)
    found = k_reciprocal_distance(distance, int(arrays["k1"]), int(arrays["k2"]), 0.3)
    np.testing.assert_allclose(found[:12, 12:], arrays["ref_cosdist_f64"], rtol=0, atol=1e-9)


@settings(max_examples=25)
@given(
    queries=st.integers(1, 6),
    gallery=st.integers(1, 18),
    dims=st.integers(1, 5),
    k1=st.integers(1, 12),
    k2=st.integers(1, 8),
    lam=st.sampled_from([0.0, 0.3, 1.0]),
    distance=st.sampled_from(list(SIDE)),
    repeated=st.booleans(),
    seed=st.integers(0, 999),
)
@example(1, 1, 2, 20, 6, 0.3, "cosine", False, 0)  # fewer images than k
@example(1, 30, 3, 7, 3, 0.3, "cosine", False, 1)  # one query
@example(5, 15, 1, 5, 3, 0.3, "cosine", False, 2)  # every cosine is 1 or -1: nothing but ties
def test_any_images_give_what_the_definition_says(
    queries, gallery, dims, k1, k2, lam, distance, repeated, seed
):
    images = clusters(queries + gallery, dims, seed)
    if repeated:
        rng = np.random.default_rng(seed)
        images = images[rng.integers(0, max(1, len(images) // 4), len(images))]
    assert_defined(images[:queries], images[queries:], k1, k2, lam, distance)


def test_larger_sets_give_what_the_definition_says():
    images = clusters(130, 8, seed=3)
    assert_defined(images[:13], images[13:], 20, 6, 0.3)


@pytest.mark.parametrize("width", [1, 2, 16])
def test_identical_images_give_what_the_definition_says_and_0_if_all_are_neighbours(width):
    same = np.ones((12, width))
    assert_defined(same[:3], same[3:], 4, 2, 0.3)
    assert_defined(same[:3], same[3:], 40, 6, 0.3)
    whole = k_reciprocal_rerank(torch.ones(3, width), torch.ones(9, width), 40, 1, clip_k=True)
    np.testing.assert_allclose(whole, 0, atol=1e-6)


def test_opposite_and_orthogonal_images():
    axes = np.concatenate([np.eye(6), -np.eye(6), np.eye(6)])
    assert_defined(axes[:5], axes[5:], 6, 3, 0.3)
    assert_defined(axes[:5], axes[5:], 3, 1, 0.3, "euclidean")


def test_norms_do_not_matter_however_large_or_small():
    images = torch.from_numpy(clusters(40, 6, seed=4))
    want = k_reciprocal_rerank(images[:8], images[8:], 8, 3)
    scale = torch.tensor([1e-200, 1e200, 1e-3, 1.0], dtype=torch.float64).repeat(10)[:, None]
    scaled = images * scale
    found = k_reciprocal_rerank(scaled[:8], scaled[8:], 8, 3)
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-9)


def test_lam_1_ranks_as_the_cosine_does():
    images = torch.from_numpy(clusters(60, 6, seed=5))
    cosine = torch.nn.functional.normalize(images)
    distance = k_reciprocal_rerank(images[:10], images[10:], 10, 3, lam=1)
    assert torch.equal(distance.argsort(), (-(cosine[:10] @ cosine[10:].T)).argsort())


def test_neither_threads_nor_chunks_change_the_result(monkeypatch):
    images = torch.from_numpy(clusters(400, 8, seed=6))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        want = k_reciprocal_rerank(images[:50], images[50:])
        monkeypatch.setattr("geoloc.evaluation.rerank.neighbours.PAIRS_PER_CHUNK", 7000)
        torch.set_num_threads(3)
        found = k_reciprocal_rerank(images[:50], images[50:])
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_result_has_at_least_single_precision(dtype):
    images = torch.from_numpy(clusters(30, 8, seed=7)).to(dtype)
    found = k_reciprocal_rerank(images[:5], images[5:], 6, 3)
    assert found.shape == (5, 25)
    assert found.dtype == torch.promote_types(dtype, torch.float32)
    want = expected(images[:5].double().numpy(), images[5:].double().numpy(), 6, 3, 0.3)
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-7)


def test_no_queries_give_no_distances():
    assert k_reciprocal_rerank(torch.zeros(0, 4), torch.ones(7, 4), 3, 2).shape == (0, 7)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("side", ["query", "gallery"])
def test_a_descriptor_that_is_not_finite_is_named(side, value):
    sides = {"query": torch.ones(3, 4), "gallery": torch.ones(30, 4)}
    sides[side][2, 1] = value
    with pytest.raises(ValueError, match=f"descriptor of {side} 2 contains NaN or infinity"):
        k_reciprocal_rerank(**sides)


@pytest.mark.parametrize("side", ["query", "gallery"])
def test_a_zero_descriptor_is_named(side):
    sides = {"query": torch.ones(3, 4), "gallery": torch.ones(30, 4)}
    sides[side][1] = 0
    with pytest.raises(ValueError, match=f"descriptor of {side} 1 is zero: it has no direction"):
        k_reciprocal_rerank(**sides)


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"one width, got \[3, 4\] and \[30, 6\]"):
        k_reciprocal_rerank(torch.ones(3, 4), torch.ones(30, 6))
    with pytest.raises(ValueError, match="gallery is empty"):
        k_reciprocal_rerank(torch.ones(3, 4), torch.ones(0, 4))


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"k1": 31}, "k1=31 is larger than the gallery of 30 images; choose at most 30"),
        ({"k2": 31}, "k2=31 is larger than the gallery of 30 images"),
        ({"k1": 0}, "k1=0 must be a whole number of at least 1"),
        ({"k2": -1}, "k2=-1 must be"),
        ({"k1": 2.5}, r"k1=2\.5 must be a whole number"),
        ({"lam": 1.5}, r"lam=1\.5, the weight of the original distance, must be in 0 \.\. 1"),
        ({"lam": math.nan}, "lam=nan"),
        ({"distance": "manhattan"}, "distance='manhattan' must be one of cosine, euclidean"),
    ],
)
def test_numbers_that_cannot_work_are_named(settings_, message):
    with pytest.raises(ConfigError, match=message):
        k_reciprocal_rerank(torch.ones(3, 4), torch.ones(30, 4), **settings_)


def test_the_example_of_the_docs_runs(tmp_path):
    view = np.array(["drone"] * 5 + ["satellite"] * 25)
    nowhere = np.full(30, np.nan)
    path, place = np.arange(30).astype(str), np.arange(30) % 5
    index = Index(path, view, place, nowhere, nowhere, np.full(30, "test"), Path())
    descriptors = clusters(30, 8, seed=8).astype(np.float32)
    save_run(tmp_path / "run", {}, descriptors, index, {})
    config, example = (
        part.split("```")[0]
        for part in (ROOT / "docs/rerank.md").read_text().split("```python\n")[1:]
    )
    exec(config, names := {})
    METRICS.build(names["test_evaluator"])
    names = {}
    exec(example.replace("work_dirs/my_run", str(tmp_path / "run")), names)
    assert torch.equal(names["ranking"].sort(dim=1).values, torch.arange(25).expand(5, 25))
    want = expected(descriptors[:5], descriptors[5:], 20, 6, 0.3)
    np.testing.assert_allclose(names["distance"], want, rtol=0, atol=1e-6)
