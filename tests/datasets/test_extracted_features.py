from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch

from geoloc.datasets import ExtractedFeatures, PhotoDataset
from geoloc.errors import DatasetError
from geoloc.registry import DATASETS, MODELS
from tests.datasets.photos import write_photos
from tests.tools.test_extract_features import MODEL, PIPELINE

TRAIN = 7


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """The training photos of a small source, and an extractor with weights on the disk."""
    torch.manual_seed(0)
    weights = tmp_path / "start.pth"
    torch.save({"state_dict": MODELS.build(MODEL).state_dict()}, weights)
    source = write_photos(tmp_path, train=TRAIN, test=2)
    init = {"type": "Pretrained", "checkpoint": str(weights), "prefix": "backbone"}
    return {
        "type": "ExtractedFeatures",
        "photos": {
            "type": "PhotoDataset",
            "source": source,
            "split": "train",
            "pipeline": PIPELINE,
        },
        "extractor": {**MODEL, "backbone": {**MODEL["backbone"], "init_cfg": init}},
        "path": str(tmp_path / "features" / "train"),
    }


def test_the_features_are_those_of_the_start_weights(config: dict[str, Any]) -> None:
    dataset: ExtractedFeatures = DATASETS.build(config)
    photos: PhotoDataset = DATASETS.build(config["photos"])
    model = MODELS.build(config["extractor"])
    start = torch.load(config["extractor"]["backbone"]["init_cfg"]["checkpoint"])["state_dict"]
    model.load_state_dict(start)
    batch = {"inputs": torch.stack([photos[row]["inputs"] for row in range(TRAIN)])}
    with torch.no_grad():
        expected = model.eval().features(model.data_preprocessor(batch)["inputs"])
    got = torch.stack([dataset[row]["inputs"] for row in range(len(dataset))])
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    assert dataset.metainfo["protocol"] == photos.metainfo["protocol"]
    assert dataset.index.path.tolist() == photos.index.path.tolist()
    assert np.array_equal(dataset.coordinates, photos.coordinates)


def test_photos_are_read_once(config: dict[str, Any], monkeypatch: Any) -> None:
    load, seen = PhotoDataset.__getitem__, []

    def counted(self: PhotoDataset, item: int) -> dict[str, Any]:
        seen.append(item)
        return load(self, item)

    monkeypatch.setattr(PhotoDataset, "__getitem__", counted)
    together = [Thread(target=DATASETS.build, args=(config,)) for _ in range(3)]
    for each in together:
        each.start()
    for each in together:
        each.join()
    assert len(DATASETS.build(config)) == TRAIN
    assert seen == [*range(TRAIN)]


def test_features_of_other_weights_are_refused(config: dict[str, Any]) -> None:
    DATASETS.build(config)
    file = config["extractor"]["backbone"]["init_cfg"]["checkpoint"]
    torch.manual_seed(1)
    torch.save({"state_dict": MODELS.build(MODEL).state_dict()}, file)
    with pytest.raises(DatasetError, match=r"features/train holds features of .*delete it"):
        DATASETS.build(config)
