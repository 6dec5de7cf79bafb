import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from geoloc.command_line import run_command
from geoloc.datasets import Index
from geoloc.datasets.place_levels import PlaceLevels, place_levels
from geoloc.engine.hooks import EpochSeedHook, PlaceLevelsHook
from geoloc.errors import ConfigError


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002


def test_an_epoch_draws_the_same_however_it_was_reached() -> None:
    epochs: list[int] = []
    dataset = SimpleNamespace(set_epoch=epochs.append)
    runner = SimpleNamespace(seed=3, epoch=5, train_dataloader=SimpleNamespace(dataset=dataset))
    EpochSeedHook().before_train_epoch(runner)
    first = draw()
    draw()
    EpochSeedHook().before_train_epoch(runner)
    assert draw() == first
    runner.epoch = 6
    EpochSeedHook().before_train_epoch(runner)
    assert draw() != first
    assert epochs == [5, 5, 6]


def test_the_model_receives_the_levels_of_the_training_places() -> None:
    # One, two and three thousandths of a degree of latitude: about 111, 222 and 333 m.
    latlon = np.array([[30.0, 114.0], [30.001, 114.0], [30.003, 114.0], [31.0, 114.0]])
    index = Index(list("abcd"), ["drone"] * 4, range(4), *latlon.T, ["train"] * 4, ".")
    dataset = SimpleNamespace(levels=lambda: place_levels(index, (3, 200, 500)))
    received: list[PlaceLevels] = []
    runner = SimpleNamespace(
        train_dataloader=SimpleNamespace(dataset=dataset),
        model=SimpleNamespace(set_place_levels=received.append),
    )
    PlaceLevelsHook().before_train(runner)
    places = torch.arange(4)
    assert received[0](places, places).dtype == torch.int8
    assert received[0](places, places).tolist() == [
        [3, 2, 1, 0],
        [2, 3, 1, 0],
        [1, 1, 3, 0],
        [0, 0, 0, 3],
    ]


def fail_in_worker() -> None:
    raise ConfigError(
        "Caught ConfigError in DataLoader worker process 0.\nOriginal Traceback (most recent call "
        "last):\n  File ...\ngeoloc.errors.ConfigError: the image: is bad\n"
    )


def test_error_of_a_worker_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as stop:
        run_command(fail_in_worker)
    assert stop.value.code == "error: the image: is bad"
    monkeypatch.setenv("GEOLOC_DEBUG", "1")
    with pytest.raises(ConfigError):
        run_command(fail_in_worker)


def test_a_programming_error_keeps_its_traceback() -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        run_command(lambda: 1 + "a")
