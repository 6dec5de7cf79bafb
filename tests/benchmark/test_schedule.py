import copy
import fcntl
import subprocess
import sys

import pytest

import geoloc
from geoloc.benchmark import schedule
from geoloc.benchmark.job import make_job
from geoloc.benchmark.schedule import environment, last_line, train_jobs
from geoloc.engine.config import load_config
from geoloc.evaluation.results import read_json


@pytest.fixture
def jobs(small_config, tmp_path):
    """Two jobs of one epoch; the data of the first are missing."""
    extra = "train_cfg = dict(max_epochs=1)\ncustom_hooks = []\n"
    good = load_config(small_config("infonce/infonce_r18_campusworld.py", extra))
    bad = copy.deepcopy(good)
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        bad[loader].dataset.source.data_root = str(tmp_path / "nowhere")
    return [
        make_job(name, 3, tmp_path / name, cfg, "data", "code")._replace(
            result=tmp_path / "results" / name
        )
        for name, cfg in (("bad", bad), ("good", good))
    ]


def test_another_package_in_the_current_folder_is_not_taken(tmp_path, monkeypatch) -> None:
    (tmp_path / "geoloc").mkdir()
    (tmp_path / "geoloc/__init__.py").write_text("raise SystemExit('the wrong one')\n")
    monkeypatch.chdir(tmp_path)
    script = "import geoloc; print(geoloc.__file__)"
    shown = subprocess.run(
        [sys.executable, "-c", script], env=environment(1), capture_output=True, text=True
    )
    if sys.version_info >= (3, 11):
        assert shown.stdout.strip() == geoloc.__file__, shown.stderr


def test_a_job_that_fails_does_not_stop_the_others(jobs, monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    bad, good = jobs
    states = []
    failed = train_jobs(jobs, 1, lambda job, state: states.append((job.name, state)))
    assert failed == [bad]
    assert last_line(bad).startswith("error: DA-Campus is not in ")
    assert not bad.is_done()
    assert good.is_done()
    kept = [state for state in states if not state[1].startswith("epoch")]
    assert kept == [
        ("bad", "to do"),
        ("good", "to do"),
        ("bad", "running"),
        ("bad", "failed"),
        ("good", "running"),
        ("good", "done"),
    ]
    record = read_json(good.result / "run.json")
    assert record["seed"] == 3
    assert record["wall_s"] > 0
    assert 100 < record["peak_memory_mb"] < 10_000
    assert " thread(s), torch " in record["hardware"]
    assert set(read_json(good.result / "metrics.json")) > {"drone->satellite"}


def test_a_job_that_another_process_trains_is_waited_for(jobs, monkeypatch) -> None:
    monkeypatch.setattr(schedule, "RETRY_S", 0.1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    _, good = jobs
    good.folder.mkdir()
    lock = (good.folder / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)

    def report(job, state):
        if state == "waiting for another process":
            assert not (job.folder / "key.json").exists()  # nothing of the other was touched
            lock.close()

    assert not train_jobs([good], 1, report)
    assert lock.closed
    assert good.is_done()
