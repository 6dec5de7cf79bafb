"""Every mistake of a user ends in one clear line and a non-zero exit."""

import re
import runpy
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from geoloc.registry import MODELS
from tests.conftest import ROOT, write_da_campus, write_small_config


@dataclass
class Workplace:
    """A folder with a small dataset and a config that trains on it, for a case to spoil."""

    folder: Path
    write_config: Callable[..., Path]

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.data / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    def configure(self, extra: str = "") -> Path:
        return self.write_config(extra=extra)

    def weights(self, embed_dims: int = 256) -> dict[str, object]:
        from geoloc.engine.config import load_config

        cfg = load_config(self.configure())
        cfg.model.head.embed_dims = embed_dims
        cfg.model.losses.clustering.embed_dims = embed_dims
        return {"state_dict": MODELS.build(cfg.model).state_dict()}


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    monkeypatch.chdir(tmp_path)
    write_da_campus(tmp_path / "data", train=8, test=4, views=2)

    def write(extra: str = "") -> Path:
        write_small_config(tmp_path, Path("data"), extra=extra, places=8, batch_size=4, epochs=1)
        return Path("small.py")

    return Workplace(tmp_path, write)


def call(tool: str, *arguments: object) -> str:
    """Run a tool in this process and return its error line."""
    argv = sys.argv
    sys.argv = [tool, *map(str, arguments)]
    try:
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(ROOT / "tools" / f"{tool}.py"), run_name="__main__")
    finally:
        sys.argv = argv
    message = stop.value.code
    assert isinstance(message, str), f"exit status {message} without a message"  # means status 1
    return message


def train(place: Workplace, extra: str = "", *options: str) -> str:
    return call("train", place.configure(extra), "--work-dir", "work", *options)


def spoiled(file: str, old: str, new: str) -> Callable[[Workplace], str]:
    def case(place: Workplace) -> str:
        place.edit(file, old, new)
        return train(place)

    return case


def configured(extra: str, *options: str) -> Callable[[Workplace], str]:
    return lambda place: train(place, extra, *options)


def with_option(*options: str) -> Callable[[Workplace], str]:
    return configured("", "--cfg-options", *options)


def no_dataset(place: Workplace) -> str:
    shutil.rmtree(place.data)
    return train(place)


def truncated_jpeg(place: Workplace) -> str:
    for image in (place.data / "drone/train").rglob("*.jpg"):
        image.write_bytes(image.read_bytes()[:700])
    return train(place)


def truncated_jpeg_in_a_worker(place: Workplace) -> str:
    for image in (place.data / "drone/train").rglob("*.jpg"):
        image.write_bytes(image.read_bytes()[:700])
    return train(place, "train_dataloader = dict(num_workers=1)\n")


def empty_image(place: Workplace) -> str:
    (place.data / "satellite/test/0009/0.jpg").write_bytes(b"")
    return train(place)


def text_as_image(place: Workplace) -> str:
    (place.data / "satellite/test/0009/0.jpg").write_text("not an image")
    return train(place)


def missing_images(place: Workplace) -> str:
    shutil.rmtree(place.data / "drone/test/0010")
    return train(place)


def place_without_satellite(place: Workplace) -> str:
    file = place.data / "satellite/train.txt"
    file.write_text("\n".join(file.read_text().splitlines()[:-1]) + "\n")
    return train(place)


def empty_index(place: Workplace) -> str:
    (place.data / "drone/train.txt").write_text("")
    return train(place)


def test_checkpoint(content: object) -> Callable[[Workplace], str]:
    def case(place: Workplace) -> str:
        if content is not None:
            value = content(place) if callable(content) else content
            if isinstance(value, bytes):
                Path("some.pth").write_bytes(value)
            else:
                torch.save(value, "some.pth")
        return call("test", place.configure(), "some.pth", "--work-dir", "work")

    return case


test_checkpoint.__test__ = False  # a maker of cases, not a test


def config_file(text: str | None) -> Callable[[Workplace], str]:
    def case(place: Workplace) -> str:
        if text is not None:
            Path("odd.py").write_text(text)
        return call("train", "odd.py")

    return case


def wrong_contract(place: Workplace) -> str:
    (place.folder / "odd_loss.py").write_text(
        "import torch\nfrom geoloc.registry import LOSSES\n"
        "@LOSSES.register_module(force=True)\n"
        "class OddLoss(torch.nn.Module):\n"
        "    def forward(self, x):\n        return x.sum()\n"
    )
    sys.path.insert(0, str(place.folder))
    try:
        return train(
            place,
            "custom_imports = dict(imports=['odd_loss'])\n"
            "model = dict(losses=dict(odd=dict(type='OddLoss')))\n",
        )
    finally:
        sys.path.remove(str(place.folder))


def start_weights_of_another_network(place: Workplace) -> str:
    torch.save({"state_dict": {"stem.weight": torch.zeros(1)}}, "start.pth")
    return train(
        place,
        "model = dict(backbone=dict(init_cfg=dict(type='Pretrained', checkpoint='start.pth')))\n",
    )


def descriptors_of_another_index(place: Workplace) -> str:
    run = place.folder / "saved"
    run.mkdir()
    np.save(run / "descriptors.npy", np.eye(3, dtype=np.float32))
    (run / "index.csv").write_text(
        "path,view,place,lat,lon,split\na.jpg,drone,1,30,114,test\nb.jpg,satellite,1,30,114,test\n"
    )
    (run / "metrics.json").write_text('{"protocol": {"thresholds_m": [3, 200, 500]}}')
    return call("test", place.configure(), "--descriptors", "saved")


def index_csv(row: str) -> Callable[[Workplace], str]:
    def case(place: Workplace) -> str:
        Path("index.csv").write_text(f"path,view,place,lat,lon,split\n{row}\n")
        source = "dict(_delete_=True, type='IndexDataset', path='index.csv', root='data')"
        return train(place, f"train_dataloader = dict(dataset=dict(source={source}))\n")

    return case


def other_world(place: Workplace) -> str:
    (place.folder / "world").mkdir()
    (place.folder / "world/holiday.txt").write_text("mine")
    return call("make_campusworld", "world", "--preset", "mini")


CASES: dict[str, tuple[Callable[[Workplace], str], str]] = {
    "missing dataset": (no_dataset, r"huggingface\.co.*make_campusworld\.py data"),
    "truncated JPEG": (truncated_jpeg, r"drone/train/\d+/\d\.jpg"),
    "truncated JPEG, read by a worker": (truncated_jpeg_in_a_worker, r"drone/train/\d+/\d\.jpg"),
    "empty image file": (empty_image, r"satellite/test/0009/0\.jpg"),
    "text file named .jpg": (text_as_image, r"satellite/test/0009/0\.jpg"),
    "missing image files": (missing_images, r"2 of \d+ image files are missing.*0010/0\.jpg"),
    "swapped latitude and longitude": (
        spoiled("drone/train.txt", "30.10000000 114.0", "114.0 30.10000000"),
        r"drone/train\.txt:2: .*lon, lat",
    ),
    "coordinate out of range": (
        spoiled("drone/train.txt", "114.0", "514.0"),
        r"drone/train\.txt:2: .*514",
    ),
    "coordinate NaN": (
        spoiled("satellite/test.txt", "114.0", "nan"),
        r"satellite/test\.txt:2: .*nan",
    ),
    "coordinate no number": (
        spoiled("satellite/test.txt", "114.0", "114,0"),
        r"satellite/test\.txt:2: .*114,0",
    ),
    "duplicate place": (
        spoiled("satellite/train.txt", "0002/0.jpg 2", "0002/0.jpg 1"),
        r"satellite/train\.txt:3: .*1",
    ),
    "duplicate path": (
        spoiled("drone/train.txt", "train/0001/1.jpg 1", "train/0001/0.jpg 1"),
        r"drone/train\.txt:3: .*0001/0\.jpg",
    ),
    "wrong column": (
        spoiled("drone/test.txt", "latitude", "lattitude"),
        r"drone/test\.txt:1: .*latitude",
    ),
    "too few fields": (
        spoiled("drone/test.txt", " 114.0", ""),
        r"drone/test\.txt:2: ",
    ),
    "place in both splits": (
        spoiled("satellite/test.txt", "0009/0.jpg 9", "0009/0.jpg 8"),
        r"satellite/test\.txt:2: .*8",
    ),
    "place without satellite image": (place_without_satellite, r"no satellite image.*place 8"),
    "empty index file": (empty_index, r"drone/train\.txt:1: "),
    "counts of another dataset": (
        configured("train_dataloader = dict(dataset=dict(source=dict(counts='official')))\n"),
        r"450",
    ),
    "thresholds not ascending": (
        configured("train_dataloader = dict(dataset=dict(source=dict(thresholds_m=(3, 500, 2))))"),
        r"thresholds_m.*500",
    ),
    "path that leaves the root": (index_csv("../a.jpg,drone,1,30,114,train"), r"index\.csv:2: "),
    "index line of a wrong length": (index_csv("a.jpg,drone,1,30"), r"index\.csv:2: "),
    "unknown split": (with_option("train_dataloader.dataset.split=trian"), r"split='trian'.*train"),
    "unknown loss": (
        configured("model = dict(losses=dict(dycl=dict(type='DyCLoss')))\n"),
        r"model\.losses\.dycl\.type='DyCLoss'.*DyCLLoss",
    ),
    "unknown backbone of mmpretrain": (
        with_option("model.backbone.type=mmpretrain.ResNett"),
        r"model\.backbone\.type.*mmpretrain\.ResNet",
    ),
    "bad config key": (
        configured("train_dataloder = dict(batch_size=2)\n"),
        r"'train_dataloder' is unknown: did you mean train_dataloader",
    ),
    "bad option on the command line": (
        with_option("modle.channels_last=True"),
        r"--cfg-options modle\.channels_last: .*did you mean model",
    ),
    "bad option of a loss": (
        with_option("model.losses.dycl.scael=3"),
        r"model\.losses\.dycl\.scael: DyCLLoss.*did you mean scale",
    ),
    "bad option of mmpretrain's backbone": (
        with_option("model.backbone.dephts=3"),
        r"unexpected keyword argument 'dephts'",
    ),
    "bad value of a loss": (with_option("model.losses.dycl.scale=-1"), r"scale=-1"),
    "loss of neither contract": (wrong_contract, r"model\.losses\.odd: OddLoss\.forward must take"),
    "proxies of another dataset": (
        with_option("model.losses.clustering.num_places=450"),
        r"model\.losses\.clustering\.num_places=450.*set num_places=8",
    ),
    "learning rate of no part": (
        configured("optim_wrapper = dict(paramwise_cfg=dict(bakbone=dict(lr=1.0)))\n"),
        r"paramwise_cfg\['bakbone'\].*backbone",
    ),
    "batch larger than the number of places": (
        with_option("train_dataloader.batch_size=9"),
        r"9.*8",
    ),
    "two batch sizes": (
        with_option("train_dataloader.sampler.batch_size=2"),
        r"train_dataloader\.batch_size=4 differs",
    ),
    "pipeline without PackInputs": (
        configured(
            "pipeline = [dict(type='LoadImage')]\n"
            "train_dataloader = dict(dataset=dict(pipelines=dict(drone=pipeline)))\n"
        ),
        r"drone.*PackInputs",
    ),
    "task of an unknown view": (
        configured("val_evaluator = dict(tasks=['street->satellite'])\n"),
        r"street->satellite.*drone",
    ),
    "torchrun's launcher without torchrun": (
        configured("", "--launcher", "pytorch"),
        r"dist_train\.sh",
    ),
    "resume from a missing file": (configured("", "--resume", "nowhere.pth"), r"nowhere\.pth"),
    "missing config": (config_file(None), r"odd\.py does not exist"),
    "config with a syntax error": (config_file("model = dict(\n"), r"odd\.py: SyntaxError"),
    "config with a missing base": (config_file("_base_ = 'gone.py'\n"), r"odd\.py: .*gone\.py"),
    "missing plugin module": (
        config_file("custom_imports = dict(imports=['no_such_module'])\n"),
        r"odd\.py: .*no_such_module",
    ),
    "missing checkpoint": (test_checkpoint(None), r"some\.pth does not exist"),
    "damaged checkpoint": (test_checkpoint(b"PK\x03\x04 no"), r"some\.pth cannot be read"),
    "checkpoint of another model": (
        test_checkpoint(lambda place: place.weights(embed_dims=128)),
        r"another model.*head.*\(128",
    ),
    "checkpoint with a pickled object": (
        test_checkpoint({"state_dict": {}, "extra": Path("x")}),
        r"pickled objects.*GEOLOC_TRUST_CHECKPOINTS=1",
    ),
    "start weights of another network": (
        start_weights_of_another_network,
        r"nothing in start\.pth fits ResNet: the file has stem\.weight",
    ),
    "neither checkpoint nor descriptors": (
        lambda place: call("test", place.configure()),
        r"either a CHECKPOINT or --descriptors",
    ),
    "descriptors of no run": (
        lambda place: call("test", place.configure(), "--descriptors", "data"),
        r"data is no run folder",
    ),
    "descriptors of another index": (descriptors_of_another_index, r"3 descriptors.*2 images"),
    "CampusWorld into a folder in use": (other_world, r"world"),
}


@pytest.mark.parametrize("name", CASES)
def test_mistake_ends_in_one_clear_line(name: str, workplace: Workplace, capfd) -> None:
    case, pattern = CASES[name]
    message = case(workplace)
    assert message.startswith("error: "), message
    assert "\n" not in message
    assert len(message) < 700
    assert re.search(pattern, message), message
    assert "Traceback" not in capfd.readouterr().err


def test_exit_status_and_stream(run_tool) -> None:
    done = run_tool("train.py", "nowhere.py")
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["error: config file nowhere.py does not exist"]
