import json

from mmengine.config import Config

from geoloc.benchmark.job import RECORD, Job, Key
from geoloc.benchmark.train_job import _clear

FILES = ("epoch_1.pth", "last_checkpoint", "metrics.json", "trained.json")


def test_nothing_of_a_run_with_another_key_is_resumed(tmp_path) -> None:
    key = Key("config", "code", "data")
    _clear(tmp_path, key)
    for name in (*FILES, "train.log"):
        (tmp_path / name).touch()
    _clear(tmp_path, key)  # the run itself, resumed
    assert all((tmp_path / name).exists() for name in FILES)
    for part in Key._fields:
        other = key._replace(**{part: "other"})
        _clear(tmp_path, other)
        assert not any((tmp_path / name).exists() for name in FILES)
        assert (tmp_path / "train.log").exists()
        for name in FILES:
            (tmp_path / name).touch()
        _clear(tmp_path, other)
        assert all((tmp_path / name).exists() for name in FILES)


def test_a_forgotten_run_begins_anew(tmp_path) -> None:
    folder, result = tmp_path / "run", tmp_path / "result"
    job = Job("m", 0, folder, result, Config(), Key("config", "code", "data"), 1)
    result.mkdir()
    folder.mkdir()
    _clear(folder, job.key)
    (folder / "epoch_1.pth").touch()
    (result / RECORD).write_text(json.dumps({"key": job.key._asdict()}))
    assert job.is_done()
    job.forget()
    assert not job.is_done()
    _clear(folder, job.key)
    assert not (folder / "epoch_1.pth").exists()
    job.forget()  # where there is nothing
