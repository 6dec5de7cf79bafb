from pathlib import Path

import numpy as np
import pytest
import torch

from geoloc.datasets.index import Index
from geoloc.errors import ConfigError, DatasetError
from geoloc.evaluation import evaluate_retrieval
from geoloc.evaluation.task import identical_items, task_rows

ROWS = [
    # path, view, place, split
    ("query/a.jpg", "drone", 1, "query"),
    ("query/b.jpg", "drone", 2, "query"),
    ("query/c.jpg", "drone", 2, "query"),
    ("gallery/b.jpg", "drone", 2, "gallery"),
    ("gallery/x.jpg", "drone", 1, "gallery"),
    ("gallery/a.jpg", "drone", 1, "gallery"),
    ("gallery/s.jpg", "satellite", 1, "gallery"),
]


@pytest.fixture
def index() -> Index:
    path, view, place, split = map(np.array, zip(*ROWS, strict=True))
    nowhere = np.full(len(ROWS), np.nan)
    return Index(path, view, place, nowhere, nowhere, split, Path())


@pytest.mark.parametrize(
    ("task", "query", "gallery"),
    [
        ("drone->satellite", [0, 1, 2, 3, 4, 5], [6]),
        ("query/drone->gallery/drone", [0, 1, 2], [3, 4, 5]),
        ("query/drone->drone", [0, 1, 2], [0, 1, 2, 3, 4, 5]),
    ],
)
def test_a_task_selects_by_split_and_view(index: Index, task: str, query: list, gallery: list):
    rows = task_rows(task, index)
    assert (rows.query.tolist(), rows.gallery.tolist()) == (query, gallery)


def test_a_task_without_images_is_named(index: Index):
    with pytest.raises(DatasetError, match=r"no image of 'query/satellite'; .*gallery/drone, ga"):
        task_rows("query/satellite->gallery/drone", index)
    with pytest.raises(ConfigError, match="is not of the form"):
        task_rows("query/drone", index)


def test_an_image_is_found_by_row_or_by_the_name_of_its_copy(index: Index):
    apart = task_rows("query/drone->gallery/drone", index)
    assert identical_items(apart, index) is None
    assert identical_items(apart, index, by_name=True).tolist() == [2, 0, -1]
    within = task_rows("query/drone->drone", index)
    for by_name in (False, True):  # names repeat, but the rows tell
        assert identical_items(within, index, by_name).tolist() == [0, 1, 2]


def test_a_name_must_tell_which_image(index: Index):
    part = index.take([0, 3, 4, 4])
    with pytest.raises(DatasetError, match=r"'x\.jpg' appears twice in the gallery"):
        identical_items(task_rows("query/drone->gallery/drone", part), part, by_name=True)


def test_a_query_does_not_find_itself(index: Index):
    """Alone with its place-mate a query's R@1 depends on the others only."""
    part = index.take([0, 3, 4])
    descriptors = torch.nn.functional.normalize(torch.tensor([[1.0, 0], [0, 1], [1, 0.1]]))
    values = evaluate_retrieval(descriptors, part, (), ["drone->drone"])["drone->drone"].metrics
    assert values["queries"] == 3
    assert values["queries_without_relevant/level1"] == 1  # the only image of place 2
    assert values["mAP/level1"] == 100
    worse = descriptors[[0, 2, 1]]  # now the stranger is the nearest of both
    values = evaluate_retrieval(worse, part, (), ["drone->drone"])["drone->drone"].metrics
    assert values["mAP/level1"] == 50
