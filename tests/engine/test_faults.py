"""What happens to a run when something goes wrong: nothing that it had is lost."""

import errno
import os
from collections import deque
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.fileio import get_file_backend
from mmengine.logging import MessageHub

from geoloc.engine import file_backend
from geoloc.engine.file_backend import WholeFileBackend
from geoloc.engine.hooks import FiniteLossHook, SafeCheckpointHook
from geoloc.engine.resume import newest_whole_checkpoint
from geoloc.engine.run import _last_checkpoint
from geoloc.errors import CheckpointError, ConfigError, TrainingError
from geoloc.whole_files import whole_file, write_whole


def test_a_file_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "folder/file"
    write_whole(file, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(file, b"new, and longer")
    assert file.read_bytes() == b"old"
    assert [*file.parent.iterdir()] == [file]


def test_mmengine_writes_whole_files(tmp_path: Path) -> None:
    backend = get_file_backend(str(tmp_path / "a.pth"))
    assert type(backend) is WholeFileBackend
    backend.put(b"bytes", tmp_path / "a/b.pth")
    backend.put_text("Text ☂", tmp_path / "a/c.txt")
    assert (tmp_path / "a/b.pth").read_bytes() == b"bytes"
    assert (tmp_path / "a/c.txt").read_text(encoding="utf-8") == "Text ☂"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with three checkpoints, the last one named with a path that is gone."""
    folder = tmp_path / "run"
    folder.mkdir()
    for epoch in (1, 2, 3):
        file = folder / f"epoch_{epoch}.pth"
        torch.save({"weight": torch.full((100,), float(epoch))}, file)
        os.utime(file, (epoch, epoch))
    (folder / "last_checkpoint").write_text("/elsewhere/run/epoch_3.pth")
    return folder


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[content.index(torch.full((2,), float(file.stem[-1])).numpy().tobytes())] ^= 1
    file.write_bytes(content)


def test_the_newest_whole_checkpoint_is_found(run: Path) -> None:
    assert newest_whole_checkpoint(run) == (run / "epoch_3.pth", {})
    flip_a_bit(run / "epoch_3.pth")
    assert not (torch.load(run / "epoch_3.pth")["weight"] == 3).all()  # torch takes it as it is
    whole, damaged = newest_whole_checkpoint(run)
    assert whole == run / "epoch_2.pth"
    assert [*damaged] == [run / "epoch_3.pth"]
    assert damaged[run / "epoch_3.pth"].startswith("its checksum does not fit at ")
    content = (run / "epoch_2.pth").read_bytes()
    (run / "epoch_2.pth").write_bytes(content[: len(content) // 2])
    os.utime(run / "epoch_2.pth", (2, 2))
    whole, damaged = newest_whole_checkpoint(run)
    assert whole == run / "epoch_1.pth"
    assert "cannot be read" in damaged[run / "epoch_2.pth"]
    (run / "epoch_1.pth").write_bytes(b"")
    assert newest_whole_checkpoint(run)[0] is None
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* is whole.*leave --resume out"):
        _last_checkpoint(run)


def test_checkpoints_of_an_earlier_run_can_be_left_out(run: Path) -> None:
    assert newest_whole_checkpoint(run, since=3.0)[0] == run / "epoch_3.pth"
    assert newest_whole_checkpoint(run, since=3.5) == (None, {})
    flip_a_bit(run / "epoch_3.pth")
    assert newest_whole_checkpoint(run, since=os.stat(run / "epoch_3.pth").st_mtime)[0] is None


@pytest.mark.parametrize("name", [None, "", "run/epoch_9.pth"])
def test_the_name_of_the_last_checkpoint_may_be_lost(run: Path, name: str | None) -> None:
    (run / "last_checkpoint").unlink()
    if name is not None:
        (run / "last_checkpoint").write_text(name)
    assert newest_whole_checkpoint(run) == (run / "epoch_3.pth", {})


def test_the_run_says_which_one_is_last(run: Path) -> None:
    (run / "last_checkpoint").write_text("run/epoch_2.pth")  # the newest file is a best model
    assert newest_whole_checkpoint(run)[0] == run / "epoch_2.pth"
    assert newest_whole_checkpoint(run / "empty") == (None, {})


@pytest.mark.parametrize("name", [None, "run/epoch_3.pth"])
def test_no_run_goes_on_from_a_best_model(run: Path, name: str | None) -> None:
    (run / "last_checkpoint").unlink()
    if name is not None:
        (run / "last_checkpoint").write_text(name)
    torch.save({"weight": torch.ones(1)}, run / "best_score_epoch_3.pth")  # no optimiser
    (run / "epoch_3.pth").write_bytes(b"")
    assert newest_whole_checkpoint(run)[0] == run / "epoch_2.pth"


class Writer(SimpleNamespace):
    """A runner that writes checkpoints, or finds the disk full."""

    error: OSError | None = None

    def save_checkpoint(self, folder: str, filename: str, *_: object, **__: object) -> None:
        self.there_meanwhile = sorted(file.name for file in Path(folder).glob("*.pth"))
        if self.error is not None:
            raise self.error
        Path(folder, filename).write_bytes(b"weights")


def saving(folder: Path, **options: str) -> tuple[SafeCheckpointHook, Writer]:
    hook = SafeCheckpointHook(max_keep_ckpts=2, out_dir=str(folder), **options)
    hook.keep_ckpt_ids, hook.file_backend = deque(maxlen=2), WholeFileBackend()
    messages: list[str] = []
    runner = Writer(
        work_dir=str(folder),
        message_hub=MessageHub("test"),
        logger=SimpleNamespace(error=messages.append),
        messages=messages,
    )
    for step in (1, 2):
        hook._save_checkpoint_with_step(runner, step, {})
    return hook, runner


def checkpoints(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.glob("*.pth"))


def test_an_old_checkpoint_goes_when_the_new_one_is_there(tmp_path: Path) -> None:
    hook, runner = saving(tmp_path)
    hook._save_checkpoint_with_step(runner, 3, {})
    assert runner.there_meanwhile == ["epoch_1.pth", "epoch_2.pth"]
    assert checkpoints(tmp_path) == ["epoch_2.pth", "epoch_3.pth"]
    assert runner.message_hub.get_info("keep_ckpt_ids") == [2, 3]
    assert (tmp_path / "last_checkpoint").read_text() == str(tmp_path / "epoch_3.pth")


@pytest.mark.parametrize("keys", [["score"], ["score", "other"]])
def test_the_old_best_model_goes_when_the_new_one_is_there(tmp_path: Path, keys: list[str]) -> None:
    hook, runner = saving(tmp_path, save_best=keys, rule="greater")
    hook.best_ckpt_path, hook.last_ckpt = None, None
    hook.best_ckpt_path_dict = dict.fromkeys(keys)
    runner.iter, runner.logger.info = 1, print
    for runner.epoch, score in ((1, 0.5), (2, 0.6)):
        hook._save_best_checkpoint(runner, dict.fromkeys(keys, score))
    assert f"best_{keys[-1]}_epoch_1.pth" in runner.there_meanwhile
    hook._save_best_checkpoint(runner, dict.fromkeys(keys, 0.7))  # the evaluation is repeated
    best = [f"best_{key}_epoch_2.pth" for key in sorted(keys)]
    assert [name for name in checkpoints(tmp_path) if name.startswith("best")] == best


@pytest.mark.parametrize("choice", ["stop", "continue"])
def test_a_full_disk_costs_only_the_new_checkpoint(tmp_path: Path, choice: str) -> None:
    hook, runner = saving(tmp_path, when_disk_is_full=choice)
    runner.error = OSError(errno.ENOSPC, "No space left on device")
    message = "the disk is full: epoch_3.pth could not be written"
    if choice == "stop":
        with pytest.raises(CheckpointError, match=f"{message}.*--resume"):
            hook._save_checkpoint_with_step(runner, 3, {})
    else:
        hook._save_checkpoint_with_step(runner, 3, {})
        assert message in runner.messages[0]
    assert checkpoints(tmp_path) == ["epoch_1.pth", "epoch_2.pth"]
    assert (tmp_path / "last_checkpoint").read_text() == str(tmp_path / "epoch_2.pth")
    runner.error = None  # there is room again
    hook._save_checkpoint_with_step(runner, 4, {})
    assert checkpoints(tmp_path) == ["epoch_2.pth", "epoch_4.pth"]


@pytest.mark.parametrize("keys", [["score"], ["score", "other"]])
@pytest.mark.parametrize("choice", ["stop", "continue"])
def test_a_full_disk_costs_only_the_new_best_model(
    tmp_path: Path, choice: str, keys: list[str]
) -> None:
    hook, runner = saving(tmp_path, save_best=keys, rule="greater", when_disk_is_full=choice)
    hook.best_ckpt_path, hook.last_ckpt = None, None
    hook.best_ckpt_path_dict = dict.fromkeys(keys)
    runner.iter, runner.logger.info, runner.epoch = 1, print, 1
    hook._save_best_checkpoint(runner, dict.fromkeys(keys, 0.5))
    before = checkpoints(tmp_path), dict(runner.message_hub.runtime_info)
    runner.error, runner.epoch = OSError(errno.ENOSPC, "No space left on device"), 2
    message = "the disk is full: the best model could not be written"
    if choice == "stop":
        with pytest.raises(CheckpointError, match=f"{message}.*--resume"):
            hook._save_best_checkpoint(runner, dict.fromkeys(keys, 0.9))
    else:
        hook._save_best_checkpoint(runner, dict.fromkeys(keys, 0.9))
        assert message in runner.messages[0]
    assert (checkpoints(tmp_path), dict(runner.message_hub.runtime_info)) == before
    runner.error, runner.epoch = None, 3  # there is room again
    hook._save_best_checkpoint(runner, dict.fromkeys(keys, 0.6))
    best = [f"best_{key}_epoch_3.pth" for key in sorted(keys)]
    assert [name for name in checkpoints(tmp_path) if name.startswith("best")] == best


def test_two_processes_may_write_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """mmengine lets all processes of an evaluation write its log."""
    with whole_file(tmp_path / "file") as first:
        first.write(b"whole")
        monkeypatch.setattr(file_backend, "get_rank", lambda: 1)
        WholeFileBackend().put(b"whole", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert [*tmp_path.iterdir()] == [tmp_path / "file"]


def test_a_file_for_which_there_is_no_room_is_named(tmp_path: Path) -> None:
    file = tmp_path / "metrics.json"
    message = r"No space left on device: '.*/metrics\.json'"
    with pytest.raises(OSError, match=message), whole_file(file):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_other_errors_are_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    hook, runner = saving(tmp_path, when_disk_is_full="continue")
    runner.error = PermissionError(errno.EACCES, "Permission denied")
    with pytest.raises(PermissionError):
        hook._save_checkpoint_with_step(runner, 3, {})
    with pytest.raises(ConfigError, match="when_disk_is_full='wait'"):
        SafeCheckpointHook(when_disk_is_full="wait")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_not_saved(value: float) -> None:
    model = torch.nn.Linear(3, 2)
    runner = SimpleNamespace(model=model, iter=6)
    FiniteLossHook().before_save_checkpoint(runner, {})
    with torch.no_grad():
        model.bias[1] = value
    with pytest.raises(TrainingError, match=r"after step 6 weights are not finite \(bias, 1 in"):
        FiniteLossHook().before_save_checkpoint(runner, {})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path, value: float) -> None:
    runner = SimpleNamespace(work_dir=str(tmp_path), rank=0, iter=6)
    batch = {
        "inputs": {"drone": torch.arange(12, dtype=torch.uint8).reshape(1, 3, 2, 2)},
        "rows": {"drone": torch.tensor([5])},
    }
    good = {"loss": torch.tensor(1.0), "loss_dycl": torch.tensor(1.0)}
    bad = {"loss": torch.tensor(value), "loss_dycl": torch.tensor(value), "loss_b": torch.ones(())}
    hook = FiniteLossHook()
    hook.after_train_iter(runner, 5, batch, good)
    with pytest.raises(TrainingError, match=r"at step 7 loss, loss_dycl is not finite.*rank0\.pth"):
        hook.after_train_iter(runner, 6, batch, bad)
    kept = torch.load(tmp_path / "not_finite/rank0.pth", weights_only=True)
    assert kept["step"] == 6
    torch.testing.assert_close(kept["batch"], batch)
