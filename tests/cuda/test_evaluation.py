import numpy as np
import pytest
import torch
import torch.nn.functional as F

from geoloc.datasets.place_levels import DistanceLevels, LabelTreeLevels, SparseDistanceLevels
from geoloc.evaluation import evaluate_retrieval
from geoloc.evaluation.ranking import rank, rank_all, rank_by_distance
from geoloc.evaluation.rerank import (
    average_query_expansion,
    k_reciprocal_rerank,
    multi_scale_rerank,
)
from geoloc.evaluation.scoring import KNOWN
from geoloc.evaluation.search import exact_search, search_blocks
from geoloc.registry import RERANKERS
from tests.conftest import one_campus

METRICS = [name.replace("K", "5") for name in KNOWN.split(", ")]


def clusters(rows, dims, seed):
    """Descriptors of which a few are equal."""
    generator = torch.Generator().manual_seed(seed)
    centre = torch.randn(40, dims, generator=torch.Generator().manual_seed(9))
    chosen = torch.randint(0, 40, (rows,), generator=generator)
    result = F.normalize(centre[chosen] + 0.6 * torch.randn(rows, dims, generator=generator))
    result[3::7] = result[2]
    return result


@pytest.fixture
def sides():
    return clusters(150, 48, seed=0), clusters(700, 48, seed=1)


def test_the_order_is_that_of_the_cpu(sides, cuda):
    want = rank_all(*sides)
    moved = [side.to(cuda) for side in sides]
    assert rank_all(*moved).cpu().equal(want)
    chunks = list(rank(*moved, max_memory_mb=0.5))
    assert len(chunks) > 1
    assert torch.cat([order for _, order in chunks]).cpu().equal(want)


def test_the_order_by_distance_is_that_of_the_cpu(sides, cuda):
    distance = (1 - sides[0] @ sides[1].T).half().float()  # many ties
    exclude = torch.arange(len(distance)) - 1
    want, found = (
        torch.cat([order.cpu() for _, order in rank_by_distance(rows, exclude=skipped)])
        for rows, skipped in ((distance, exclude), (distance.to(cuda), exclude.to(cuda)))
    )
    assert found.equal(want)


@pytest.mark.parametrize("rerank", [None, "KReciprocal", "MSRerank"])
def test_every_metric_is_that_of_the_cpu(rerank, cuda):
    index = one_campus(places=60, views=4)
    descriptors = clusters(len(index), 24, seed=2)
    reranker = None
    if rerank is not None:
        sizes = {"k1": 7} if rerank == "KReciprocal" else {"k1_list": [5, 9, 20]}
        reranker = RERANKERS.build({"type": rerank, "k2": 3, **sizes})
    want, found = (
        evaluate_retrieval(
            rows,
            index,
            (200.0, 500.0),
            ("drone->satellite", "satellite->drone", "drone->drone"),
            METRICS,
            reranker=reranker,
        )
        for rows in (descriptors, descriptors.to(cuda))
    )
    for task, result in want.items():
        assert found[task].metrics == pytest.approx(result.metrics, rel=1e-12)
        for name, column in result.per_query.items():
            torch.testing.assert_close(found[task].per_query[name], column, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [DistanceLevels, SparseDistanceLevels, LabelTreeLevels])
def test_levels_are_those_of_the_cpu(kind, cuda):
    if kind is LabelTreeLevels:
        levels = LabelTreeLevels(torch.arange(50)[:, None] // torch.tensor([1, 3, 10]))
    else:
        levels = kind.from_positions(one_campus(50, 1).place_latlon, (50.0, 200.0, 500.0))
    rows, columns = torch.arange(50), torch.randperm(50)[:30].repeat(2)
    want = levels(rows, columns)
    assert len(want.unique()) == levels.highest + 1
    assert levels.to(cuda)(rows.to(cuda), columns.to(cuda)).cpu().equal(want)


@pytest.mark.parametrize("k", [1, 20, 700])
@pytest.mark.parametrize("where", ["gpu", "cpu", "array", "half"])
def test_exact_search_finds_what_the_cpu_finds(sides, k, where, cuda):
    query, gallery = sides
    if where == "half":
        query, gallery = query.half(), gallery.half()
    want = exact_search(query, gallery, k)
    moved = {"gpu": gallery.to(cuda), "cpu": gallery, "array": gallery.numpy()}
    found = exact_search(query.to(cuda), moved.get(where, gallery.to(cuda)), k, max_memory_mb=1)
    np.testing.assert_array_equal(found.index, want.index)
    np.testing.assert_array_equal(found.scores, want.scores)


def test_exact_search_by_queries_on_the_cpu_and_in_blocks(sides, cuda):
    query, gallery = sides
    want = exact_search(query, gallery, 9)
    for found in (
        exact_search(query, gallery.to(cuda), 9),
        search_blocks(query.to(cuda), gallery.to(cuda).split(150), 9),
    ):
        np.testing.assert_array_equal(found.index, want.index)
        np.testing.assert_array_equal(found.scores, want.scores)


@pytest.mark.parametrize(
    "rerank",
    [
        lambda query, gallery: k_reciprocal_rerank(query, gallery),
        lambda query, gallery: k_reciprocal_rerank(query, gallery, distance="euclidean"),
        lambda query, gallery: multi_scale_rerank(query, gallery, [10, 30, 90]),
        lambda query, gallery: multi_scale_rerank(query, gallery, [10, 30], variant="accumulate"),
        average_query_expansion,
    ],
)
def test_reranking_is_that_of_the_cpu(rerank, sides, cuda):
    want = rerank(*(side.double() for side in sides))
    found = rerank(*(side.double().to(cuda) for side in sides))
    assert found.device.type == "cuda"
    torch.testing.assert_close(found.cpu(), want, rtol=0, atol=1e-9)
