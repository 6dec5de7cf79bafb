from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from geoloc.datasets import FeatureDataset, collate_photos
from geoloc.errors import CoordinateError, DatasetError, DatasetNotFoundError


def arrays(**changes: Any) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    columns = {
        "filenames": np.array(["a.jpg", "b.jpg", "c.jpg"]),
        "embeddings": rng.normal(size=(3, 4)).astype(np.float16),
        "coordinates": np.array([[10.0, 20.0], [-5.0, 180.0], [90.0, 0.0]]),
    }
    return {name: value for name, value in {**columns, **changes}.items() if value is not None}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_both_kinds_of_files(tmp_path: Path, kind: str) -> None:
    content, path = arrays(), tmp_path / "features.npz"
    if kind == "file":
        np.savez(path, **content)
    else:
        path = tmp_path
        for name, value in content.items():
            np.save(path / f"{name}.npy", value)
    dataset = FeatureDataset(path)
    assert isinstance(dataset.features.embeddings, np.memmap) is (kind == "folder")
    batch = collate_photos([dataset[row] for row in range(3)])
    assert batch["inputs"].dtype == torch.float32
    assert np.array_equal(batch["inputs"], content["embeddings"])
    assert np.array_equal(batch["coordinates"], content["coordinates"])
    index = dataset.metainfo["index"]
    assert index.path.tolist() == content["filenames"].tolist()
    assert np.array_equal(index.image_latlon, content["coordinates"])
    assert dataset.metainfo["protocol"]["splits"].keys() == {"test"}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"coordinates": None}, DatasetError, r"no array 'coordinates'; it needs filenames, emb"),
        ({"embeddings": np.ones((2, 4))}, DatasetError, r"embeddings must be \[3, D\] .*\[2, 4\]"),
        ({"coordinates": np.ones((3, 3))}, DatasetError, r"coordinates must be \[3, 2\]"),
        ({"coordinates": np.full((3, 2), 99.0)}, CoordinateError, r"features.npz: row 0: lat=99.0"),
    ],
)
def test_bad_files(tmp_path: Path, changes: Any, error: type, message: str) -> None:
    np.savez(tmp_path / "features.npz", **arrays(**changes))
    with pytest.raises(error, match=message):
        FeatureDataset(tmp_path / "features.npz")


def test_missing_or_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"tools/extract_features.py CONFIG .*gone"):
        FeatureDataset(tmp_path / "gone")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(DatasetError, match=r"text.npz is no .npz file"):
        FeatureDataset(tmp_path / "text.npz")
