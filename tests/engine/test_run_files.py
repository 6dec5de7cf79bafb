"""Which config and which checkpoint a run folder stands for."""

import os
from pathlib import Path

import pytest

from geoloc.engine.run_files import checkpoint_of_run, config_of_run, model_of_run, newest_run
from geoloc.errors import CheckpointError, ConfigError


def touch(file: Path, time_s: int, text: str = "") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    os.utime(file, (time_s, time_s))
    return file


def test_the_newest_config_and_the_last_checkpoint_count(tmp_path: Path) -> None:
    run = tmp_path / "run"
    touch(run / "20260102_000000/vis_data/config.py", 2)
    newer = touch(run / "a.py", 3)
    last = touch(run / "epoch_2.pth", 1)
    newest = touch(run / "epoch_3.pth", 9)
    assert config_of_run(run) == newer
    assert checkpoint_of_run(run) == newest
    touch(run / "last_checkpoint", 4, "/where/it/was/trained/epoch_2.pth\n")  # and moved since
    assert model_of_run(run) == (newer, last)
    touch(run / "last_checkpoint", 4, "epoch_9.pth")  # which is gone
    assert checkpoint_of_run(run) == newest


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no run folder .*gone"):
        model_of_run(tmp_path / "gone")
    with pytest.raises(ConfigError, match="holds no config"):
        model_of_run(tmp_path)
    touch(tmp_path / "a.py", 1)
    with pytest.raises(CheckpointError, match=r"holds no checkpoint \(\.pth\); train it"):
        model_of_run(tmp_path)


def test_the_newest_run_is_the_one_that_saved_last(tmp_path: Path) -> None:
    assert newest_run(tmp_path / "work_dirs") is None
    touch(tmp_path / "work_dirs/b/last_checkpoint", 5)
    touch(tmp_path / "work_dirs/a/last_checkpoint", 7)
    touch(tmp_path / "work_dirs/c/metrics.json", 9)  # an evaluation has no weights of its own
    assert newest_run(tmp_path / "work_dirs") == tmp_path / "work_dirs/a"
