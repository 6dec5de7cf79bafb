import json
from pathlib import Path

import numpy as np
import pytest
import torch

from geoloc.analysis.distance_curves import distance_curves
from geoloc.analysis.position_shift import position_shifts
from geoloc.benchmark.job import Key, is_of, product_file
from geoloc.benchmark.product import write_product
from geoloc.engine.config import load_config
from geoloc.engine.run import prepare, train
from geoloc.engine.run import test as describe_and_evaluate
from geoloc.evaluation.results import load_run
from geoloc.geo.relevance import DA_CAMPUS_THRESHOLDS_M
from tests.conftest import write_small_config

KEY = Key("config", "code", "data")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, da_campus: Path) -> Path:
    """Return the config of a finished run, in whose folder it lies."""
    folder = tmp_path_factory.mktemp("run")
    path = write_small_config(folder, da_campus, epochs=1)
    train(prepare(load_config(path), str(folder), seed=0))
    return path


def written(name: str, config: Path, result: Path):
    cfg = load_config(config)
    cfg.test_evaluator.rerank = [{"type": "MSRerank", "k1_list": [3, 6, 6]}]
    cfg = prepare(cfg, str(config.parent), seed=0)
    write_product(name, config.parent, result, cfg, KEY)
    file = product_file(result, name)
    assert is_of(file, KEY)
    assert not is_of(file, KEY._replace(code="other"))
    return json.loads(file.read_text())["content"]


def test_the_distance_curves_are_those_of_the_test_images(config, tmp_path) -> None:
    content = written("distance", config, tmp_path)
    descriptors, index, _ = load_run(config.parent)
    assert list(content) == ["drone->satellite", "satellite->drone"]
    for task, curves in content.items():
        own = distance_curves(torch.from_numpy(descriptors), index, DA_CAMPUS_THRESHOLDS_M, task)
        for name, values in own._asdict().items():
            np.testing.assert_array_equal(curves[name], values)


def test_positions_shift_among_the_training_images(config, tmp_path) -> None:
    before = (config.parent / "metrics.json").read_bytes()
    content = written("position_shift", config, tmp_path)
    cfg = load_config(config)
    cfg.test_dataloader.dataset.split = "train"
    describe_and_evaluate(
        prepare(cfg, str(tmp_path / "train"), seed=0), str(config.parent / "epoch_1.pth")
    )
    descriptors, index, _ = load_run(tmp_path / "train")
    assert len(index) == 48
    own = position_shifts(torch.from_numpy(descriptors), [3, 6])
    assert content == [shift._asdict() for shift in own]
    assert (config.parent / "metrics.json").read_bytes() == before
