import re
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch.utils.data import DataLoader

from geoloc.datasets import DyML, ImageDataset, Index, PairDataset, collate_views
from geoloc.datasets.dyml import OFFICIAL_TRAIN_CLASSES, check_official_classes
from geoloc.datasets.place_levels import place_levels
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError, IndexFormatError
from geoloc.evaluation.results import load_run, metrics_of
from geoloc.registry import DATASETS, METRICS, MODELS
from tests.conftest import ROOT

from .conftest import DYML_TREE, write_dyml

SUBSETS = ("vehicle", "animal", "product")


@pytest.mark.parametrize("after_header", ["", "\n", "\r\n\r\n"])
@pytest.mark.parametrize("subset", SUBSETS)
def test_no_image_is_lost_to_the_header(tmp_path: Path, subset: str, after_header: str):
    source = DyML(write_dyml(tmp_path, subset, 4, after_header), subset, counts=None)
    train = source.index.select(split="train")
    assert train.path.tolist() == [f"train/imgs/{item}.jpg" for item in range(20)]
    assert train.place.tolist() == [fine for fine, _, _ in DYML_TREE for _ in range(4)]
    assert train.labels.tolist() == [list(row[1:]) for row in DYML_TREE for _ in range(4)]
    assert source.index.label_names == ("middle", "coarse")
    assert set(source.index.view) == {"image"}
    assert not source.index.has_positions
    assert source.thresholds_m == ()
    assert source.protocol.dataset == f"DyML-{subset.capitalize()}"
    if subset == "product":
        test = source.index.select(split="test")
        assert len(test) == 20
        np.testing.assert_array_equal(test.labels, train.labels)
        return
    counts = {
        split: len(source.index.select(split=split)) for split in np.unique(source.index.split)
    }
    assert counts.pop("train") == 20
    assert counts == {
        **{"fine_query": 19, "fine_gallery": 20, "middle_query": 11, "middle_gallery": 12},
        **{"coarse_query": 7, "coarse_gallery": 8},
    }
    part = source.index.select(split=("middle_query", "middle_gallery"))
    assert part.path[0] == "bmk_middle/query/0.jpg"
    levels = place_levels(part, ())
    assert levels(torch.arange(3), torch.arange(3)).tolist() == (3 * np.eye(3, dtype=int)).tolist()


def test_the_sets_do_not_share_places(tmp_path: Path):
    index = DyML(write_dyml(tmp_path, "vehicle"), "vehicle", counts=None).index
    sets = [set(index.select(split=f"{scale}_gallery").places) for scale in ("fine", "coarse")]
    assert not sets[0] & sets[1]
    assert set(index.select(split="fine_query").places) == sets[0]


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "reason"),
    [
        ("train/label.csv", "fine_id0.jpg", "id0.jpg", 1, "the header must begin with 'fname, c"),
        (
            "train/label.csv",
            "fine_id0.jpg, 1",
            "fine_id0.jpg",
            1,
            "3 fields where the header has 4",
        ),
        (
            "train/label.csv",
            "\n2.jpg, 1, 7, 40",
            "\n2.jpg, 1, 7, x",
            3,
            "fine_id 'x' must be a whole",
        ),
        (
            "train/label.csv",
            "\n2.jpg, 1, 7, 40",
            "\n2.jpg, 1, 7, -1",
            3,
            "fine_id '-1' must be a whole",
        ),
        (
            "train/label.csv",
            "\n2.jpg, 1, 7",
            "\n2.jpg, 1, 8",
            3,
            "place 40 has label_middle 8 here",
        ),
        ("train/label.csv", ", 1, 8, 42", ", 1, 9, 42", 10, "place 42 has label_middle 8 here and"),
        ("train/label.csv", "\n2.jpg", "\n1.jpg", 3, "path 'train/imgs/1.jpg' is already in"),
        ("train/label.csv", "\n2.jpg", "\n", 3, "path '' must be relative"),
        ("bmk_fine/query.csv", "\n2.jpg, 0", "\n2.jpg, 3", 3, "bmk_fine/gallery/2.jpg has another"),
        ("bmk_fine/gallery.csv", "\n2.jpg, 0\n", "\n", None, "bmk_fine/gallery/2.jpg is missing"),
        (
            "bmk_fine/gallery.csv",
            "labels0.jpg",
            "label",
            1,
            "the header must begin with 'fname, labels'",
        ),
    ],
)
def test_a_bad_line_is_named(tmp_path, file, old, new, line, reason):
    path = write_dyml(tmp_path, "animal") / "dyml_animal" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(IndexFormatError, match=re.escape(reason)) as caught:
        DyML(tmp_path, "animal", counts=None)
    if line is not None:
        assert str(caught.value).startswith(f"{path}:{line}: ")
    else:  # the query's line, not the gallery's
        assert str(caught.value).startswith(f"{path.parent}/query.csv:3: ")


def test_labels_must_form_a_tree(tmp_path: Path):
    path = write_dyml(tmp_path, "product") / "dyml_product/mini-bmk_all_in_one/label.csv"
    path.write_text(path.read_text().replace(", 1, 7, 41", ", 0, 7, 41"))
    with pytest.raises(IndexFormatError, match=r"label\.csv:5: middle_id 7 has coarse_id 0 here"):
        DyML(tmp_path, "product", counts=None)


def test_a_query_must_be_the_gallery_image_of_its_name(tmp_path: Path):
    folder = write_dyml(tmp_path, "animal") / "dyml_animal"
    (folder / "bmk_coarse/gallery/2.jpg").write_bytes(b"another image")
    with pytest.raises(DatasetError, match=r"bmk_coarse/query/2\.jpg .* differ in size"):
        DyML(tmp_path, "animal", counts=None)


def test_missing_files(tmp_path: Path):
    with pytest.raises(DatasetNotFoundError, match=r"DynamicMetricLearning") as caught:
        DyML(tmp_path, "product")
    assert "mini-bmk_all_in_one/label.csv" in str(caught.value)
    write_dyml(tmp_path, "product")
    (tmp_path / "dyml_product/train/imgs/0.jpg").unlink()
    with pytest.raises(DatasetError, match=r"1 of 40 image files are missing.*0\.jpg"):
        DyML(tmp_path, "product", counts=None)
    with pytest.raises(ConfigError, match="subset='cars'"):
        DyML(tmp_path, "cars")
    with pytest.raises(ConfigError, match="counts='all'"):
        DyML(tmp_path, "product", counts="all")


@pytest.mark.parametrize("subset", SUBSETS)
def test_official_counts(tmp_path: Path, subset: str):
    fine, middle, coarse = OFFICIAL_TRAIN_CLASSES[subset]
    place = np.arange(fine)
    nothing = np.full(fine, np.nan)
    labels = np.stack([place % middle, place % middle % coarse], axis=1)
    names = [np.full(fine, name) for name in ("image", "train")]
    index = Index(place.astype(str), names[0], place, nothing, nothing, names[1], ".", labels, "ab")
    check_official_classes(index, subset)
    with pytest.raises(DatasetError, match=rf"\({fine - 1}, {middle}, {coarse}\).*counts=None"):
        check_official_classes(index.take(place[:-1]), subset)
    with pytest.raises(DatasetError, match=r"\(5, 3, 2\)"):
        DyML(write_dyml(tmp_path, subset), subset)


def records(root: Path, subset: str, scale: str) -> tuple[list, list]:
    """Read queries and gallery (name, label) of a scale with other code than the reader's."""
    folder = root / f"dyml_{subset}"
    if subset == "product":
        text = (folder / "mini-bmk_all_in_one/label.csv").read_text()
        rows = re.findall(r"(\d+\.jpg), (\d+), (\d+), (\d+)", text)
        column = {"coarse": 1, "middle": 2, "fine": 3}[scale]
        found = [(row[0], row[column]) for row in rows]
        return found, found
    texts = [(folder / f"bmk_{scale}/{side}.csv").read_text() for side in ("query", "gallery")]
    query, gallery = (re.findall(r"(\d+\.jpg), (\d+)", text) for text in texts)
    return query, gallery


def derived(queries: list, gallery: list, scores: np.ndarray) -> dict[str, float]:
    """Derive the metrics of a scale with loops."""
    values: dict[str, list[float]] = {name: [] for name in ("mAP", "mAP@R", "R@1", "R@10", "ASI")}
    for (name, label), row in zip(queries, scores, strict=True):
        order = [item for item in np.argsort(-row, kind="stable") if gallery[item][0] != name]
        hits = [gallery[item][1] == label for item in order]
        total = sum(hits)
        if not total:
            continue
        precision = [sum(hits[:k]) / k for k in range(1, len(hits) + 1)]
        gained = [p * hit for p, hit in zip(precision, hits, strict=True)]
        values["mAP"].append(sum(gained) / total)
        values["mAP@R"].append(sum(gained[:total]) / total)
        values["R@1"].append(hits[0])
        values["R@10"].append(any(hits[:10]))
        values["ASI"].append(sum(precision[:total]) / total)
    return {name: 100 * float(np.mean(column)) for name, column in values.items()}


def config_of(subset: str, root: Path) -> Config:
    cfg = Config.fromfile(str(ROOT / f"configs/_base_/datasets/dyml_{subset}.py"))
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        assert loader.dataset.source.subset == subset
        loader.dataset.source.update(data_root=str(root), counts=None)
    assert cfg.val_dataloader == cfg.test_dataloader
    assert cfg.val_evaluator == cfg.test_evaluator
    return cfg


@pytest.mark.parametrize("subset", SUBSETS)
def test_end_to_end_metrics(tmp_path: Path, subset: str):
    """From files to published numbers, with the datasets and the evaluator of the config."""
    cfg = config_of(subset, write_dyml(tmp_path, subset))
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    metric = METRICS.build({**cfg.val_evaluator, "output_dir": str(tmp_path / "run")})
    metric.dataset_meta = dataset.metainfo
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(len(dataset), 3, generator=generator)
    descriptors = torch.nn.functional.normalize(rows)
    for batch in torch.randperm(len(dataset), generator=generator).split(16):
        metric.process(None, [{"rows": batch, "descriptors": descriptors[batch]}])
    values = metric.evaluate(len(dataset))

    overall: dict[str, list[float]] = {}
    for scale in ("fine", "middle", "coarse"):
        queries, gallery = records(tmp_path, subset, scale)
        folders = [f"bmk_{scale}/{side}/" for side in ("query", "gallery")]
        if subset == "product":
            folders = ["mini-bmk_all_in_one/imgs/"] * 2
        of_query, of_gallery = (
            descriptors[
                [int(np.flatnonzero(dataset.index.path == folder + row[0])[0]) for row in part]
            ]
            for folder, part in zip(folders, (queries, gallery), strict=True)
        )
        expected = derived(queries, gallery, (of_query @ of_gallery.T).numpy())
        for name, value in expected.items():
            assert values[f"{scale}/{name}"] == pytest.approx(value, abs=1e-9), (scale, name)
            overall.setdefault(name, []).append(value)
        assert values[f"{scale}/queries"] == len(queries)
        assert values[f"{scale}/queries_without_relevant"] == 0
    for name, column in overall.items():
        assert values[f"overall/{name}"] == pytest.approx(np.mean(column), abs=1e-9)
    saved, index, content = load_run(tmp_path / "run")
    again = metric.measure(torch.from_numpy(saved), index, content["protocol"]["thresholds_m"])
    assert metrics_of(again) == {
        key: value
        for key, value in content.items()
        if isinstance(value, dict) and key not in ("protocol", "intervals")
    }


def test_one_view_model_trains_and_describes(tmp_path: Path):
    source = DyML(write_dyml(tmp_path, "animal"), "animal", counts=None)
    pipeline = [
        {"type": "LoadImage"},
        {"type": "mmpretrain.RandomResizedCrop", "scale": 24},
        {"type": "mmpretrain.PackInputs"},
    ]
    train = PairDataset(source, "train", ("image",), pipelines={"image": pipeline})
    assert train.num_places == 5
    assert train.label_columns.tolist() == [[n, *row[1:]] for n, row in enumerate(DYML_TREE)]
    model = MODELS.build(
        {
            "type": "CrossViewRetriever",
            "views": ("image",),
            "backbone": {"type": "mmpretrain.ResNet", "depth": 18},
            "neck": {"type": "mmpretrain.GlobalAveragePooling"},
            "head": {"type": "ProjectionHead", "in_dims": 512, "embed_dims": 8},
            "losses": {
                "triplet": {"type": "TripletLoss"},
                "clustering": {"type": "NormalizedSoftmaxLoss", "num_places": 5, "embed_dims": 8},
            },
        }
    )
    model.set_place_levels(place_levels(train.index, train.thresholds_m))
    items = [0, 1, 4, 5, 8, 12]
    batch = model.data_preprocessor(collate_views([train[item] for item in items]))
    assert batch["places"]["image"].tolist() == [0, 0, 1, 1, 2, 3]
    losses = model(**batch, mode="loss")
    sum(losses.values()).backward()
    assert all(loss.item() > 0 for loss in losses.values())
    assert all(p.grad.isfinite().all() for p in model.parameters())

    test = ImageDataset(
        source, ("coarse_query", "coarse_gallery"), pipelines={"image": [pipeline[0], pipeline[2]]}
    )
    assert len(test) == 7 + 8
    model.eval()
    metric = METRICS.build(
        {"type": "DyMLRetrieval", "tasks": {"coarse": "coarse_query/image->coarse_gallery/image"}}
    )
    metric.dataset_meta = test.metainfo
    with torch.no_grad():
        for batch in DataLoader(test, batch_size=4, collate_fn=collate_views):
            metric.process(batch, model(**model.data_preprocessor(batch), mode="predict"))
    values = metric.evaluate(len(test))
    assert 0 < values["overall/mAP"] <= 100
    assert values["coarse/queries"] == 7
