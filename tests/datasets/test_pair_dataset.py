import random

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from geoloc.datasets import DACampus, ImageDataset, PairDataset, collate_views
from geoloc.datasets.item_randomness import item_randomness
from geoloc.errors import ConfigError, DatasetError, ImageError
from geoloc.registry import DATASETS, FUNCTIONS

PLAIN = [{"type": "LoadImage"}, {"type": "mmpretrain.PackInputs"}]
RANDOM = [
    {"type": "LoadImage"},
    {"type": "RandomRotation"},
    {"type": "mmpretrain.RandomResizedCrop", "scale": 8},
    {"type": "mmpretrain.RandomFlip", "prob": 0.5, "direction": "horizontal"},
    {"type": "mmpretrain.PackInputs"},
]


def pairs(root, pipeline=PLAIN, **options):
    source = DACampus(root, counts=None)
    return PairDataset(source, pipelines={"drone": pipeline, "satellite": pipeline}, **options)


def place_in(image):
    """Read the place id that the test images carry in their first pixel."""
    return int(image[0, 0, 0])


def same(first, second):
    return all(
        torch.equal(first["inputs"][view], second["inputs"][view]) for view in first["inputs"]
    )


def test_items_are_pairs_of_one_place(campus):
    dataset = pairs(campus)
    assert len(dataset) == 5 * 4
    assert dataset.num_places == 5
    seen = set()
    for number in range(len(dataset)):
        item = dataset[number]
        assert list(item["inputs"]) == ["drone", "satellite"]
        for view, image in item["inputs"].items():
            assert image.dtype == torch.uint8
            assert image.shape == (3, 24, 24)
            row = item["rows"][view]
            assert dataset.index.view[row] == view
            assert place_in(image) == dataset.index.place[row]
            assert dataset.index.places[item["places"][view]] == dataset.index.place[row]
        assert (
            dataset.place_labels[number] == item["places"]["drone"] == item["places"]["satellite"]
        )
        seen.add(item["rows"]["drone"])
    assert len(seen) == len(dataset)
    row = dataset[3]["rows"]["satellite"]
    np.testing.assert_array_equal(
        dataset.place_latlon[dataset.place_labels[3]],
        [dataset.index.lat[row], dataset.index.lon[row]],
    )


def test_partner_is_drawn_among_the_images_of_the_place(campus):
    source = DACampus(campus, counts=None)
    dataset = PairDataset(
        source, views=("satellite", "drone"), pipelines={"drone": PLAIN, "satellite": PLAIN}
    )
    assert len(dataset) == 5
    drawn = [set() for _ in range(5)]
    for epoch in range(40):
        dataset.set_epoch(epoch)
        for number in range(5):
            item = dataset[number]
            assert place_in(item["inputs"]["drone"]) == place_in(item["inputs"]["satellite"])
            drawn[number].add(item["rows"]["drone"])
    assert [len(rows) for rows in drawn] == [4] * 5


def test_randomness_is_a_function_of_seed_epoch_and_item(campus):
    dataset, twin, other = (
        pairs(campus, RANDOM),
        pairs(campus, RANDOM),
        pairs(campus, RANDOM, seed=1),
    )
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    first = [dataset[number] for number in range(20)]
    assert all(same(twin[number], first[number]) for number in reversed(range(20)))
    assert not any(same(other[number], first[number]) for number in range(20))
    dataset.set_epoch(1)
    assert not any(same(dataset[number], first[number]) for number in range(20))
    dataset.set_epoch(0)
    assert same(dataset[7], first[7])


def test_global_random_streams_are_untouched(campus):
    dataset = pairs(campus, RANDOM)
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    expected = random.random(), np.random.random(), torch.rand(1).item()  # noqa: NPY002
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    dataset[0]
    assert (random.random(), np.random.random(), torch.rand(1).item()) == expected  # noqa: NPY002


def test_item_randomness_covers_every_stream_and_survives_errors():
    def draw(*key):
        with item_randomness(*key) as own:
            return own.random(), random.random(), np.random.random(), torch.rand(1).item()  # noqa: NPY002

    first = draw(0, 0, 0)
    assert draw(0, 0, 0) == first
    assert len(set(first)) == 4
    for key in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        assert not set(draw(*key)) & set(first)
    random.seed(9)
    with pytest.raises(KeyError), item_randomness(0, 0, 0):
        raise KeyError
    assert random.random() == random.Random(9).random()


@pytest.mark.parametrize("workers", [1, 2])
def test_persistent_workers_give_the_same_images_every_epoch(campus, workers):
    dataset = pairs(campus, RANDOM)
    plain = DataLoader(dataset, batch_size=6, collate_fn=collate_views)
    parallel = DataLoader(
        dataset,
        batch_size=6,
        collate_fn=collate_views,
        num_workers=workers,
        persistent_workers=True,
    )
    previous = None
    for epoch in range(3):
        dataset.set_epoch(epoch)
        ours = torch.cat([batch["inputs"]["drone"] for batch in parallel])
        assert torch.equal(ours, torch.cat([batch["inputs"]["drone"] for batch in plain]))
        assert previous is None or not torch.equal(ours, previous)
        previous = ours


@pytest.mark.parametrize("collate", ["collate_views", "geoloc.collate_views"])
def test_built_by_the_runner_from_configs(campus, collate):
    dataset = {
        "type": "PairDataset",
        "source": {"type": "DACampus", "data_root": str(campus), "counts": None},
        "pipelines": {"drone": PLAIN, "satellite": PLAIN},
    }
    with DefaultScope.overwrite_default_scope("geoloc"):
        loader = Runner.build_dataloader(
            {
                "dataset": dataset,
                "sampler": {"type": "UniquePlaceSampler", "batch_size": 4},
                "collate_fn": {"type": collate},
                "batch_size": 4,
                "num_workers": 0,
            },
            seed=3,
        )
    assert len(loader) == 5
    rows = []
    for batch in loader:
        assert batch["inputs"]["drone"].shape == (4, 3, 24, 24)
        assert torch.equal(batch["places"]["drone"], batch["places"]["satellite"])
        assert batch["places"]["drone"].unique().numel() == 4
        rows += batch["rows"]["drone"].tolist()
    assert len(set(rows)) == 20


def test_metainfo_is_safe_in_a_checkpoint(campus, tmp_path):
    metainfo = pairs(campus).metainfo
    torch.save(metainfo, tmp_path / "meta.pth")
    assert torch.load(tmp_path / "meta.pth", weights_only=True) == metainfo
    assert metainfo["protocol"]["dataset"] == "DA-Campus"


def test_image_dataset_lists_every_image_once_by_view(campus):
    source = DACampus(campus, counts=None)
    dataset = DATASETS.build(
        {
            "type": "ImageDataset",
            "source": source,
            "pipelines": {"satellite": PLAIN, "drone": PLAIN},
        }
    )
    assert len(dataset) == 3 * 5
    assert dataset.index.view.tolist() == ["satellite"] * 3 + ["drone"] * 12
    for view in ("satellite", "drone"):
        expected = source.index.select(split="test", view=view)
        np.testing.assert_array_equal(dataset.index.select(view=view).path, expected.path)
    for number in range(15):
        item = dataset[number]
        (view,) = item["inputs"]
        row = item["rows"][view]
        assert place_in(item["inputs"][view]) == dataset.index.place[row]
        assert dataset.index.place_labels[row] == item["places"][view]
    assert dataset.metainfo["index"] is dataset.index
    assert dataset.metainfo["thresholds_m"] == (3.0, 200.0, 500.0)
    assert dataset.metainfo["protocol"]["fingerprint"] == source.protocol.fingerprint


def test_image_dataset_of_one_view(campus):
    dataset = ImageDataset(DACampus(campus, counts=None), pipelines={"drone": PLAIN})
    assert set(dataset.index.view) == {"drone"}
    assert len(dataset) == 12


def test_collate_groups_by_view_and_keeps_the_order():
    def item(view, place, row):
        image = torch.full((3, 2, 2), row, dtype=torch.uint8)
        return {"inputs": {view: image}, "places": {view: place}, "rows": {view: row}}

    batch = FUNCTIONS.get("collate_views")(
        [item("drone", 1, 5), item("satellite", 1, 9), item("drone", 0, 2)]
    )
    assert batch["rows"]["drone"].tolist() == [5, 2]
    assert batch["rows"]["satellite"].tolist() == [9]
    assert batch["places"]["drone"].tolist() == [1, 0]
    assert batch["places"]["drone"].dtype == batch["rows"]["drone"].dtype == torch.int64
    assert batch["inputs"]["drone"].dtype == torch.uint8
    assert batch["inputs"]["drone"][:, 0, 0, 0].tolist() == [5, 2]


def test_collate_names_the_view_of_unequal_sizes():
    items = [
        {"inputs": {"drone": torch.zeros(3, 4, side)}, "places": {"drone": 0}, "rows": {"drone": 0}}
        for side in (4, 5)
    ]
    with pytest.raises(ConfigError, match=r"'drone' differ in size .*\(3, 4, 4\) and \(3, 4, 5\)"):
        collate_views(items)


def test_configuration_mistakes(campus):
    source = DACampus(campus, counts=None)
    both = {"drone": PLAIN, "satellite": PLAIN}
    with pytest.raises(ConfigError, match=r"split='val' is not in the dataset: it has test, train"):
        PairDataset(source, split="val", pipelines=both)
    with pytest.raises(ConfigError, match="pipelines must have exactly the views"):
        PairDataset(source, pipelines={"drone": PLAIN})
    with pytest.raises(ConfigError, match="'street' is not in split 'train'"):
        PairDataset(source, views=("drone", "street"), pipelines={"drone": PLAIN, "street": PLAIN})
    with pytest.raises(ConfigError, match="'street' is not in split 'test'"):
        ImageDataset(source, pipelines={"street": PLAIN})
    with pytest.raises(ConfigError, match="PackInputs"):
        ImageDataset(source, pipelines={"drone": PLAIN[:1]})


def test_place_without_a_partner(campus):
    source = DACampus(campus, counts=None)
    keep = ~((source.index.place == 4) & (source.index.view == "satellite"))
    source.index = source.index.take(keep)
    with pytest.raises(DatasetError, match="place 4"):
        PairDataset(source, pipelines={"drone": PLAIN, "satellite": PLAIN})


def test_damaged_image_is_named(campus):
    dataset = pairs(campus)
    dataset.index.file(0).write_bytes(b"")
    with pytest.raises(ImageError, match=str(dataset.index.file(0))):
        [dataset[number] for number in range(len(dataset))]
