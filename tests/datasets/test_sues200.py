import shutil
from pathlib import Path

import pytest
from PIL import Image

from geoloc.datasets.sues200 import SUES200
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError

PLACES = {
    "Training/{}/drone": (1, 2),
    "Training/{}/satellite": (1, 2),
    "Testing/{}/query_drone": (3,),
    "Testing/{}/query_satellite": (3,),
    "Testing/{}/gallery_drone": (1, 2, 3),
    "Testing/{}/gallery_satellite": (1, 2, 3),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for height in (150, 300):
        for folder, places in PLACES.items():
            for place in places:
                for number in range(3 if "drone" in folder else 1):
                    path = tmp_path / folder.format(height) / f"{place:04d}" / f"{number}.jpg"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    Image.new("RGB", (4, 4)).save(path)
    return tmp_path


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


def test_mistakes_are_named(root, tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"height=200.0 must be one of|height=100"):
        SUES200(root, height=100)
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
