import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from geoloc.datasets.sues200 import SUES200
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError
from geoloc.evaluation import UniversityRetrieval
from tests.datasets.conftest import write_sues200


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_sues200(tmp_path, places=(1, 2), query=(3,), heights=(150, 300))


def test_a_height_is_read(root) -> None:
    source = SUES200(root, height=300, counts=None)
    assert source.protocol.dataset == "SUES-200-300m"
    assert source.protocol.splits == {
        "train": {"places": 2, "images": {"drone": 6, "satellite": 2}},
        "query": {"places": 1, "images": {"drone": 3, "satellite": 1}},
        "gallery": {"places": 3, "images": {"drone": 9, "satellite": 3}},
    }
    assert all("/300/" in path for path in source.index.path)
    assert source.thresholds_m == ()


def test_several_heights_have_queries_and_galleries_of_their_own(root) -> None:
    source = SUES200(root, height=(150, 300), counts=None)
    assert source.protocol.dataset == "SUES-200-150-300m"
    images = {split: part["images"] for split, part in source.protocol.splits.items()}
    assert images == {
        "train": {"drone": 12, "satellite": 4},
        **{f"query_{height}": {"drone": 3, "satellite": 1} for height in (150, 300)},
        **{f"gallery_{height}": {"drone": 9, "satellite": 3} for height in (150, 300)},
    }
    part = source.index.select(split=["query_300", "gallery_300"])
    assert all("/300/" in path for path in part.path)
    assert len(part) == 16


@pytest.mark.parametrize("height", [150, (150, 300)])
def test_both_directions_at_every_height(root, height) -> None:
    """A descriptor that tells the place, except that satellites at 300 m all look like place 1."""
    index = SUES200(root, height, counts=None).index
    names = [""] if height == 150 else ["_150", "_300"]
    tasks = [
        f"query{name}/{a}->gallery{name}/{b}"
        for name in names
        for a, b in (("drone", "satellite"), ("satellite", "drone"))
    ]
    seen = np.where(
        np.char.find(index.path, "/300/gallery_satellite/0003") >= 0, index.place % 2, index.place
    )
    descriptors = torch.eye(4)[torch.from_numpy(seen)]
    results = UniversityRetrieval(tasks, "round+1").measure(descriptors, index, ())
    recalls = {task: result.metrics["R@1"] for task, result in results.items()}
    blind = "query_300/drone->gallery_300/satellite"
    assert recalls == {task: 0 if task == blind else 100 for task in tasks}


def test_mistakes_are_named(root, tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"height=200.0 must be one of|height=100"):
        SUES200(root, height=100)
    with pytest.raises(ConfigError, match=r"height=\(\) must be one of .*, or a list of them"):
        SUES200(root, height=())
    with pytest.raises(DatasetNotFoundError, match=r"Training/200/drone.\nRequest it as https"):
        SUES200(root, height=200)
    with pytest.raises(DatasetError, match="has 2 places where SUES-200 has 120"):
        SUES200(root)
    shutil.copytree(root / "Training/150/drone/0001", root / "Testing/150/query_drone/0001")
    with pytest.raises(DatasetError, match="1 places are in train and in query, the first is 0001"):
        SUES200(root, counts=None)
    shutil.rmtree(root / "Training/300/satellite")
    (root / "Training/300/satellite").mkdir()
    with pytest.raises(DatasetError, match="satellite has no image in a folder such as 0001/"):
        SUES200(root, height=300, counts=None)
