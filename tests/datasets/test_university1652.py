import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from geoloc.datasets import Index, University1652
from geoloc.datasets.university1652 import (
    OFFICIAL_COUNTS,
    OFFICIAL_TRAIN_COUNTS,
    check_official_counts,
)
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError
from geoloc.registry import DATASETS, METRICS
from tests.conftest import ROOT

from .conftest import write_university


def test_reads_the_layout(tmp_path: Path):
    source = University1652(write_university(tmp_path), counts=None)
    assert source.protocol.splits == {
        "train": {
            "places": 3,
            "images": {"drone": 9, "google": 2, "satellite": 3, "street": 6},
        },
        "query": {"places": 2, "images": {"drone": 6, "satellite": 2, "street": 4}},
        "gallery": {"places": 4, "images": {"drone": 12, "satellite": 4, "street": 8}},
    }
    part = source.index.select(split="gallery", view="satellite")
    assert part.path.tolist() == [f"test/gallery_satellite/{n:04d}/0.jpg" for n in (3, 4, 6, 7)]
    assert part.place.tolist() == [3, 4, 6, 7]
    assert not source.index.has_positions
    assert source.thresholds_m == ()
    assert all(path.is_file() for path in map(source.index.file, range(len(source.index))))


def test_street_and_google_may_be_missing(tmp_path: Path):
    write_university(tmp_path)
    for folder in ("train/google", "train/street", "test/query_street", "test/gallery_street"):
        shutil.rmtree(tmp_path / folder)
    assert set(University1652(tmp_path, counts=None).index.view) == {"drone", "satellite"}


def test_mistakes_are_named(tmp_path: Path):
    with pytest.raises(DatasetNotFoundError, match=r"train/drone.*\nRequest it as https://github"):
        University1652(tmp_path)
    write_university(tmp_path)
    with pytest.raises(ConfigError, match="counts='all'"):
        University1652(tmp_path, counts="all")
    with pytest.raises(DatasetError, match=r"query drone has 6 images of 2 .* 37855 of 701"):
        University1652(tmp_path)
    shutil.copytree(tmp_path / "test/query_drone/0003", tmp_path / "test/query_drone/0001")
    with pytest.raises(
        DatasetError, match=r"1 places are in train and in query or gallery, .* 0001"
    ):
        University1652(tmp_path, counts=None)
    (tmp_path / "test/query_drone/0001").rename(tmp_path / "test/query_drone/new")
    with pytest.raises(DatasetError, match=r"query_drone/new must be named by the number"):
        University1652(tmp_path, counts=None)
    shutil.rmtree(tmp_path / "test/query_drone")
    (tmp_path / "test/query_drone").mkdir()
    with pytest.raises(DatasetError, match=r"query_drone has no image in a folder"):
        University1652(tmp_path, counts=None)


def official_index() -> Index:
    """Return rows with the published counts; the first place of each part has the rest."""
    parts = {("train", "drone"): OFFICIAL_TRAIN_COUNTS, **OFFICIAL_COUNTS}
    rows = []
    for (split, view), (places, images) in parts.items():
        first = 1 if split == "train" else 1000
        ids = [*range(first, first + places), *[first] * (images - places)]
        rows += [(split, view, place) for place in ids]
    split, view, place = map(np.array, zip(*rows, strict=True))
    nowhere = np.full(len(rows), np.nan)
    return Index(np.arange(len(rows)).astype(str), view, place, nowhere, nowhere, split, Path())


def test_official_counts():
    index = official_index()
    check_official_counts(index)
    for split, view, message in (
        ("train", "drone", r"street has 50217 images of 701 .* 50218 of 701"),
        ("query", "drone", r"query drone has 37854 images"),
        ("gallery", "street", r"gallery street has 2920 images of 793"),
    ):
        last = np.flatnonzero((index.split == split) & (index.view == view))[-1]
        with pytest.raises(DatasetError, match=message):
            check_official_counts(index.take(np.delete(np.arange(len(index)), last)))


def by_hand(queries: list, gallery: list, scores: np.ndarray) -> dict[str, float]:
    """Derive the protocol's numbers with loops; R@1% looks at round(0.01 * 4) + 1 = 1 image."""
    columns: dict[str, list[float]] = {name: [] for name in ("R@1", "R@5", "R@10", "R@1%", "AP")}
    for place, row in zip(queries, scores, strict=True):
        hits = [gallery[item] == place for item in np.argsort(-row, kind="stable")]
        for name, depth in {"R@1": 1, "R@5": 5, "R@10": 10, "R@1%": 1}.items():
            columns[name].append(any(hits[:depth]))
        area, found, precision = 0.0, 0, 1.0
        for rank, hit in enumerate(hits, start=1):
            found += hit
            area += hit * (precision + found / rank) / 2
            precision = found / rank
        columns["AP"].append(area / found)
    return {name: 100 * float(np.mean(column)) for name, column in columns.items()}


@pytest.mark.parametrize("seed", range(3))
def test_end_to_end_metrics(tmp_path: Path, seed: int):
    """From folders to published numbers, with the datasets and the evaluator of the config."""
    cfg = Config.fromfile(str(ROOT / "configs/_base_/datasets/university1652.py"))
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.source.update(data_root=str(write_university(tmp_path)), counts=None)
    train = DATASETS.build(cfg.train_dataloader.dataset)
    item = train[4]
    assert {view: tuple(image.shape) for view, image in item["inputs"].items()} == {
        "drone": (3, 256, 256),
        "satellite": (3, 256, 256),
    }
    assert (len(train), train.num_places, item["places"]) == (9, 3, {"drone": 1, "satellite": 1})
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    assert dataset[0]["inputs"]["drone"].shape == (3, 256, 256)
    assert len(dataset) == 6 + 12 + 2 + 4
    metric = METRICS.build(cfg.val_evaluator)
    metric.dataset_meta = dataset.metainfo
    rows = torch.randn(len(dataset), 3, generator=torch.Generator().manual_seed(seed))
    descriptors = torch.nn.functional.normalize(rows)
    for batch in torch.arange(len(dataset)).split(7):
        metric.process(None, [{"rows": batch, "descriptors": descriptors[batch]}])
    values = metric.evaluate(len(dataset))
    index = dataset.index
    for query_view, gallery_view in (("drone", "satellite"), ("satellite", "drone")):
        query = np.flatnonzero((index.split == "query") & (index.view == query_view))
        gallery = np.flatnonzero((index.split == "gallery") & (index.view == gallery_view))
        scores = (descriptors[query] @ descriptors[gallery].T).numpy()
        task = f"query/{query_view}->gallery/{gallery_view}"
        for name, value in by_hand(index.place[query], index.place[gallery], scores).items():
            assert values[f"{task}/{name}"] == pytest.approx(value, abs=1e-9), (task, name)
        assert values[f"{task}/queries"] == len(query)
        assert values[f"{task}/queries_without_relevant"] == 0
