"""Re-ranking by config, in every evaluator."""

from pathlib import Path

import numpy as np
import pytest
import torch

from geoloc.datasets.index import Index
from geoloc.errors import ConfigError, UnknownTypeError
from geoloc.evaluation import DyMLRetrieval, HierarchicalRetrieval, UniversityRetrieval
from geoloc.evaluation.rerank import (
    average_query_expansion,
    k_reciprocal_rerank,
    multi_scale_rerank,
)

PLACES, VIEWS = 30, 4
RERANKERS = {
    "KReciprocal": (
        {"k1": 5, "k2": 3, "lam": 0.2, "distance": "euclidean"},
        lambda query, gallery: k_reciprocal_rerank(query, gallery, 5, 3, 0.2, distance="euclidean"),
    ),
    "MSRerank": (
        {"k1_list": [3, 50], "k2": 2, "lam": 0.1, "variant": "accumulate", "clip_k": True},
        lambda query, gallery: multi_scale_rerank(
            query, gallery, [3, 50], 2, 0.1, "accumulate", clip_k=True
        ),
    ),
    "AlphaQE": (
        {"k": 3, "alpha": 1.0},
        lambda query, gallery: -(average_query_expansion(query, gallery, 3, 1.0) @ gallery.T),
    ),
}


@pytest.fixture(scope="module")
def index() -> Index:
    """Return places in the splits of University-1652, with the labels of DyML."""
    place = np.concatenate([np.repeat(np.arange(PLACES), VIEWS), np.arange(PLACES)])
    view = np.array(["drone"] * (PLACES * VIEWS) + ["satellite"] * PLACES)
    split = np.array(["query"] * (PLACES * VIEWS) + ["gallery"] * PLACES)
    path = np.array([f"{number}.jpg" for number in range(len(place))])
    nowhere = np.full(len(place), np.nan)
    labels = np.stack([place // 3, place // 9], axis=1)
    names = ("middle", "coarse")
    return Index(path, view, place, nowhere, nowhere, split, Path(), labels, names)


@pytest.fixture(scope="module")
def descriptors(index: Index) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    of_place = torch.randn(PLACES, 8, generator=generator)
    noise = torch.randn(len(index), 8, generator=generator)
    return torch.nn.functional.normalize(of_place[torch.from_numpy(index.place)] + noise)


def recall(distance: torch.Tensor, depth: int) -> float:
    """Return the share of drone images whose place is among the nearest, in percent."""
    nearest = distance.argsort(dim=1, stable=True)[:, :depth]
    return 100 * float(
        (nearest == torch.arange(PLACES).repeat_interleave(VIEWS)[:, None]).any(1).double().mean()
    )


@pytest.mark.parametrize("name", RERANKERS)
@pytest.mark.parametrize("evaluator", ["hierarchical", "university", "dyml"])
def test_every_evaluator_ranks_by_the_reranked_distances(index, descriptors, evaluator, name):
    arguments, distance_of = RERANKERS[name]
    rerank = {"type": name, **arguments}
    metric, task, prefix, suffix = {
        "hierarchical": (
            HierarchicalRetrieval(["drone->satellite"], rerank=rerank),
            *("drone->satellite", "R@5/small", "R@1/small"),
        ),
        "university": (
            UniversityRetrieval(["query/drone->gallery/satellite"], rerank=rerank),
            *("query/drone->gallery/satellite", "R@5", "R@1"),
        ),
        "dyml": (
            DyMLRetrieval({"fine": "drone->satellite"}, rerank=rerank),
            *("fine", "R@10", "R@1"),
        ),
    }[evaluator]
    results = metric.measure(descriptors, index, ())
    query, gallery = descriptors[: PLACES * VIEWS], descriptors[PLACES * VIEWS :]
    reranked = distance_of(query, gallery)
    depth = 10 if evaluator == "dyml" else 5
    for title, distance in ((task, -(query @ gallery.T)), (f"{task} [{name}]", reranked)):
        values = results[title].metrics
        assert values[suffix] == pytest.approx(recall(distance, 1)), title
        assert values[prefix] == pytest.approx(recall(distance, depth)), title
    assert results[task].metrics != results[f"{task} [{name}]"].metrics


def test_an_image_is_not_searched_for_itself_after_reranking(index, descriptors):
    rerank = {"type": "KReciprocal", "k1": 5}
    tasks = {"fine": "drone->drone"}
    results = DyMLRetrieval(tasks, rerank=rerank).measure(descriptors, index, ())
    assert results["fine [KReciprocal]"].metrics["R@1"] < 100


def test_several_rerankings_are_each_what_they_are_alone(index, descriptors):
    configs = [{"type": name, **arguments} for name, (arguments, _) in RERANKERS.items()]
    tasks = ["drone->satellite"]
    together = HierarchicalRetrieval(tasks, rerank=configs).measure(descriptors, index, ())
    assert len(together) == 1 + len(RERANKERS)
    for config in configs:
        alone = HierarchicalRetrieval(tasks, rerank=config).measure(descriptors, index, ())
        for task, result in alone.items():
            assert together[task].metrics == result.metrics
    with pytest.raises(ConfigError, match="rerank: MSRerank comes twice"):
        HierarchicalRetrieval(rerank=[{"type": "MSRerank"}, {"type": "MSRerank", "k2": 1}])


def test_mistakes_are_named(index, descriptors):
    with pytest.raises(
        UnknownTypeError, match="type='MSRerang' is not in the re-ranker registry: "
    ):
        HierarchicalRetrieval(rerank={"type": "MSRerang"})
    metric = HierarchicalRetrieval(rerank={"type": "MSRerank"})
    with pytest.raises(ConfigError, match=r"k1=62 is larger than the gallery of 30 .* clip_k=True"):
        metric.measure(descriptors, index, ())
