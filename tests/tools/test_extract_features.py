import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from geoloc.datasets import FeatureDataset, PhotoDataset
from geoloc.engine import feature_extraction
from geoloc.engine.feature_extraction import extract_features
from geoloc.errors import DatasetError
from geoloc.models import GeoCLIP
from geoloc.registry import MODELS
from tests.datasets.photos import write_photos

PIPELINE = [{"type": "LoadImage"}, {"type": "mmpretrain.PackInputs"}]
MODEL = {
    "type": "GeoCLIP",
    "backbone": {"type": "mmpretrain.ResNet", "depth": 18, "stem_channels": 8, "base_channels": 8},
    "neck": {"type": "mmpretrain.GlobalAveragePooling"},
    "head": {"type": "PerceptronHead", "in_dims": 64, "embed_dims": 4},
    "location_encoder": {"type": "LocationEncoder", "num_frequencies": 4, "embed_dims": 4},
}


def parts(tmp_path: Path) -> tuple[GeoCLIP, PhotoDataset]:
    torch.manual_seed(0)
    source = write_photos(tmp_path, train=7, test=2)
    return MODELS.build(MODEL), PhotoDataset(source, "train", pipeline=PIPELINE)


def test_both_kinds_of_files_hold_the_features(tmp_path: Path) -> None:
    model, dataset = parts(tmp_path)
    for name in ("features.npz", "folder"):
        extract_features(model, dataset, tmp_path / name, batch_size=3)
        written = FeatureDataset(tmp_path / name)
        assert written.index.path.tolist() == dataset.index.path.tolist()
        assert torch.equal(written.coordinates, dataset.coordinates)
        batch = {"inputs": torch.stack([dataset[row]["inputs"] for row in range(7)])}
        expected = model.features(model.data_preprocessor(batch)["inputs"]).detach()
        got = np.array(written.features.embeddings)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    assert not (tmp_path / "features.parts").exists()


def test_an_interrupted_extraction_goes_on(tmp_path: Path, monkeypatch: Any) -> None:
    model, dataset = parts(tmp_path)
    monkeypatch.setattr(feature_extraction, "BATCHES_PER_SAVE", 1)
    extract_features(model, dataset, tmp_path / "whole", batch_size=2, dtype="float16")

    load, seen = PhotoDataset.__getitem__, []

    def until_the_fifth(self: PhotoDataset, item: int) -> dict[str, Any]:
        if item == 5 and 5 not in seen:
            seen.append(item)
            raise KeyboardInterrupt
        seen.append(item)
        return load(self, item)

    monkeypatch.setattr(PhotoDataset, "__getitem__", until_the_fifth)
    out = tmp_path / "features.npz"
    with pytest.raises(KeyboardInterrupt):
        extract_features(model, dataset, out, batch_size=2, dtype="float16")
    extract_features(model, dataset, out, batch_size=2, dtype="float16")
    assert seen == [0, 1, 2, 3, 4, 5, 4, 5, 6]
    ours, whole = FeatureDataset(out).features, FeatureDataset(tmp_path / "whole").features
    assert ours.embeddings.dtype == np.float16
    assert np.array_equal(ours.embeddings, whole.embeddings)


def test_features_of_other_photos_are_not_mixed(tmp_path: Path) -> None:
    model, dataset = parts(tmp_path)
    extract_features(model, dataset, tmp_path / "folder")
    with pytest.raises(DatasetError, match=r"folder holds features of .*float32.* delete it"):
        extract_features(model, dataset, tmp_path / "folder", dtype="float16")


def test_the_command_line(tmp_path: Path, run_tool) -> None:
    source = write_photos(tmp_path, train=3, test=2)
    loader = {"dataset": {"type": "PhotoDataset", "source": source, "pipeline": PIPELINE}}
    config = tmp_path / "config.py"
    config.write_text(f"model = {MODEL!r}\ntest_dataloader = {loader!r}\n")
    out = tmp_path / "features.npz"
    done = run_tool("extract_features.py", config, out, "--split", "train", "--num-workers", 0)
    assert done.returncode == 0, done.stderr
    assert "features of 3 photos" in done.stdout
    assert FeatureDataset(out).features.embeddings.shape == (3, 64)
    loader["dataset"] = {"type": "FeatureDataset", "path": str(out)}
    config.write_text(f"model = {MODEL!r}\ntest_dataloader = {loader!r}\n")
    done = run_tool("extract_features.py", config, out)
    assert done.returncode == 1
    assert "test_dataloader.dataset.type='FeatureDataset'" in done.stderr
    assert json.dumps("Traceback") not in done.stderr
