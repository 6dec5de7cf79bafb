from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from geoloc.datasets import PhotoDataset, collate_photos
from geoloc.datasets.index import Index
from geoloc.errors import ConfigError, DatasetError
from tests.datasets.photos import write_photos

CROP = {"type": "mmpretrain.RandomResizedCrop", "scale": 16}
PIPELINE = [{"type": "LoadImage"}, CROP, {"type": "mmpretrain.PackInputs"}]


def test_items_and_batches(tmp_path: Path) -> None:
    dataset = PhotoDataset(write_photos(tmp_path, train=4, test=3), "test", pipeline=PIPELINE)
    assert len(dataset) == 3
    batch = next(iter(DataLoader(dataset, 3, collate_fn=collate_photos)))
    assert batch["inputs"].shape == (3, 3, 16, 16)
    assert batch["inputs"].dtype == torch.uint8
    index = Index.read_csv(tmp_path / "index.csv").select(split="test")
    assert batch["coordinates"].dtype == torch.float64
    assert batch["coordinates"].numpy().tolist() == index.image_latlon.tolist()
    assert batch["rows"].tolist() == [0, 1, 2]
    assert dataset.metainfo["index"].lat.tolist() == index.lat.tolist()


def test_augmentation_is_a_function_of_seed_epoch_and_item(tmp_path: Path) -> None:
    source = write_photos(tmp_path, train=2, test=1)
    dataset, twin = (PhotoDataset(source, pipeline=PIPELINE, seed=5) for _ in range(2))
    first = dataset[1]["inputs"]
    assert torch.equal(twin[1]["inputs"], first)
    dataset.set_epoch(1)
    assert not torch.equal(dataset[1]["inputs"], first)


def test_bad_inputs(tmp_path: Path) -> None:
    source = write_photos(tmp_path, train=2, test=1)
    with pytest.raises(ConfigError, match=r"split='val' is not in the dataset: it has test, train"):
        PhotoDataset(source, "val", pipeline=PIPELINE)
    with pytest.raises(ConfigError, match=r"must end with .*PackInputs"):
        PhotoDataset(source, pipeline=PIPELINE[:-1])
    table = (tmp_path / "index.csv").read_text().splitlines()
    lines = [",".join([*row.split(",")[:3], "", "", row.split(",")[-1]]) for row in table[1:]]
    (tmp_path / "index.csv").write_text("\n".join([table[0], *lines]))
    with pytest.raises(DatasetError, match=r"split='train' of index has no positions"):
        PhotoDataset(source, pipeline=PIPELINE)
    items = [{"inputs": torch.zeros(3, side, side)} for side in (8, 9)]
    with pytest.raises(ConfigError, match=r"photos differ in size within a batch"):
        collate_photos(items)
