from geoloc.benchmark.job import Key
from geoloc.benchmark.train_job import _clear

FILES = ("epoch_1.pth", "last_checkpoint", "metrics.json")


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
