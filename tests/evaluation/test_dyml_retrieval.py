from pathlib import Path

import numpy as np
import pytest
import torch

from geoloc.datasets.index import Index
from geoloc.errors import ConfigError
from geoloc.evaluation import DyMLRetrieval
from geoloc.evaluation.results import metrics_of

TASK = "fine_query/image->fine_gallery/image"


def index_of(names: list[str], places: list[int], splits: list[str], labels: np.ndarray) -> Index:
    nowhere = np.full(len(names), np.nan)
    views = np.full(len(names), "image")
    pair = ("middle", "coarse")
    return Index(names, views, places, nowhere, nowhere, splits, Path(), labels, pair)


def copies() -> Index:
    """One query, and a gallery with a duplicate of it before the query's own image."""
    names = ["query/7.jpg", "gallery/1.jpg", "gallery/7.jpg", "gallery/8.jpg"]
    places = [5, 9, 5, 5]
    splits = ["fine_query"] + ["fine_gallery"] * 3
    return index_of(names, places, splits, np.array([places, places]).T)


def test_the_own_image_is_left_out_even_behind_its_duplicate() -> None:
    """Dropping the first neighbour would drop the duplicate of another class and score 100."""
    descriptors = torch.tensor([[1.0, 0], [1, 0], [1, 0], [0.8, 0.6]])
    values = metrics_of(DyMLRetrieval({"fine": TASK}).measure(descriptors, copies(), ()))
    assert values["fine"]["R@1"] == 0
    assert values["fine"]["R@10"] == 100
    assert values["fine"]["mAP"] == pytest.approx(50)
    assert values["fine"]["mAP@R"] == 0
    assert values["fine"]["queries"] == 1
    assert values["overall"] == {
        name: value for name, value in values["fine"].items() if not name.startswith("queries")
    }


def test_a_query_whose_only_relevant_image_is_itself_is_counted() -> None:
    index = copies().take([0, 1, 2])
    values = metrics_of(DyMLRetrieval({"fine": TASK}).measure(torch.eye(3), index, ()))
    assert values["fine"]["queries_without_relevant"] == 1
    assert np.isnan(values["fine"]["mAP"])


def test_scales_of_one_set_are_levels() -> None:
    tree = np.array([[1, 0], [1, 0], [1, 0], [2, 0]])
    index = index_of(["a", "b", "c", "d"], [3, 3, 4, 5], ["query", *["test"] * 3], tree)
    # from a: the nearest is d (coarse), then c (middle), then b (fine)
    descriptors = torch.nn.functional.normalize(
        torch.tensor([[1.0, 0], [-1, 0.1], [0, 1], [1, 0.5]])
    )
    tasks = dict.fromkeys(("fine", "middle", "coarse"), "query/image->image")
    values = metrics_of(DyMLRetrieval(tasks).measure(descriptors, index, ()))
    assert [values[scale]["R@1"] for scale in tasks] == [0, 0, 100]
    assert values["fine"]["mAP"] == pytest.approx(100 / 3)
    assert values["middle"]["mAP"] == pytest.approx(100 * (1 / 2 + 2 / 3) / 2)
    assert values["coarse"]["mAP"] == pytest.approx(100)
    assert values["middle"]["mAP@R"] == pytest.approx(25)
    assert values["middle"]["ASI"] == pytest.approx(25)
    assert values["overall"]["R@1"] == pytest.approx(100 / 3)


def test_wrong_use_is_named() -> None:
    for tasks in ({}, {"large": TASK}, [TASK]):
        with pytest.raises(ConfigError, match="must name a task for some of fine, middle, coarse"):
            DyMLRetrieval(tasks)
    flat = Index(["a"], ["image"], [1], [np.nan], [np.nan], ["test"], Path())
    with pytest.raises(ConfigError, match=r"needs the 3 levels .* the data has 1"):
        DyMLRetrieval({"fine": "image->image"}).measure(torch.eye(1), flat, ())
