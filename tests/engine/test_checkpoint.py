import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from geoloc.engine.checkpoint import (
    PlainCheckpointHook,
    check_weights_fit,
    load_local_checkpoint,
)
from geoloc.engine.config import load_config
from geoloc.engine.run import prepare, train
from geoloc.errors import CheckpointError


class Marker:
    """Leaves a trace when a pickle of it is loaded."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def test_history_survives_without_pickled_objects(tmp_path: Path) -> None:
    buffer = HistoryBuffer([1.0, 2.5, 4.0], [1, 1, 2])
    content = {
        "state_dict": {},
        "message_hub": {
            "log_scalars": {"train/loss": buffer},
            "runtime_info": {"epoch": 3, "odd": object()},
            "resumed_keys": {"train/loss": True},
        },
    }
    hook, runner = PlainCheckpointHook(), SimpleNamespace(model=nn.Identity(), cfg={})
    hook.before_save_checkpoint(runner, content)
    torch.save(content, tmp_path / "run.pth")
    loaded = load_local_checkpoint(str(tmp_path / "run.pth"))
    assert loaded["message_hub"]["runtime_info"] == {"epoch": 3}
    hook.after_load_checkpoint(runner, loaded)
    restored = loaded["message_hub"]["log_scalars"]["train/loss"]
    assert isinstance(restored, HistoryBuffer)
    for one, other in zip(buffer.data, restored.data, strict=True):
        np.testing.assert_array_equal(one, other)


def test_pickled_object_is_refused_and_not_run(tmp_path: Path) -> None:
    torch.save({"state_dict": {}, "x": Marker(str(tmp_path / "ran"))}, tmp_path / "bad.pth")
    with pytest.raises(CheckpointError, match=r"bad\.pth holds pickled objects.*TRUST_CHECKPOINTS"):
        load_local_checkpoint(str(tmp_path / "bad.pth"))
    assert not (tmp_path / "ran").exists()


def test_trust_is_an_explicit_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"x": Marker(str(tmp_path / "ran"))}, tmp_path / "bad.pth")
    monkeypatch.setenv("GEOLOC_TRUST_CHECKPOINTS", "1")
    load_local_checkpoint(str(tmp_path / "bad.pth"))
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps([1])[:-2]])
def test_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"bad\.pth"):
        load_local_checkpoint(str(tmp_path / "bad.pth"))


def test_truncated_file_is_named(tmp_path: Path) -> None:
    torch.save({"x": torch.zeros(1000)}, tmp_path / "whole.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "whole.pth").read_bytes()[:2000])
    with pytest.raises(CheckpointError, match=r"cut\.pth cannot be read"):
        load_local_checkpoint(str(tmp_path / "cut.pth"))


def test_missing_file_is_named() -> None:
    with pytest.raises(CheckpointError, match=r"nowhere\.pth does not exist"):
        load_local_checkpoint("nowhere.pth")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: weights.pop("bias"), "bias is missing"),
        (lambda weights: weights.update(extra=torch.zeros(1)), "extra is unexpected"),
        (lambda weights: weights.update(bias=torch.zeros(9)), r"bias has shape \(9,\), the model"),
    ],
)
def test_weights_of_another_model_are_refused(change, message: str) -> None:
    model = nn.Linear(2, 3)
    weights = dict(model.state_dict())
    check_weights_fit(model, weights)
    change(weights)
    with pytest.raises(CheckpointError, match=message):
        check_weights_fit(model, weights)


@pytest.mark.parametrize(("resume", "fits"), [(False, True), (True, False)])
def test_only_a_resumed_run_needs_the_weights_of_losses(resume: bool, fits: bool) -> None:
    model = nn.ModuleDict({"head": nn.Linear(2, 3), "losses": nn.Linear(2, 9)})
    weights = {k: v for k, v in model.state_dict().items() if k != "losses.weight"}
    weights |= {"losses.bias": torch.zeros(4), "losses.extra": torch.zeros(1)}
    runner = SimpleNamespace(model=model, cfg={"resume": resume})
    if fits:
        PlainCheckpointHook().after_load_checkpoint(runner, {"state_dict": weights})
        return
    with pytest.raises(CheckpointError, match=r"losses\.weight is missing \(and 2 more"):
        PlainCheckpointHook().after_load_checkpoint(
            runner, {"state_dict": weights, "optimizer": {}}
        )


def test_no_run_goes_on_from_weights_alone() -> None:
    model = nn.Linear(2, 3)
    runner = SimpleNamespace(model=model, cfg={"resume": True, "load_from": "best.pth"})
    with pytest.raises(CheckpointError, match=r"best\.pth holds weights and no state of the optim"):
        PlainCheckpointHook().after_load_checkpoint(runner, {"state_dict": model.state_dict()})


def test_the_config_in_a_checkpoint_is_not_run(
    small_config: Callable[..., Path], tmp_path: Path
) -> None:
    config, work = small_config(epochs=1), tmp_path / "work"
    train(prepare(load_config(config), str(work)))
    content = load_local_checkpoint(str(work / "epoch_1.pth"))
    content["meta"]["config"] = f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\n"
    torch.save(content, tmp_path / "hostile.pth")
    train(prepare(load_config(config), str(work)), resume=str(tmp_path / "hostile.pth"))
    assert not (tmp_path / "ran").exists()


def test_a_missing_package_of_a_trusted_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd_package.py").write_text("class Config:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import odd_package

    torch.save({"config": odd_package.Config()}, tmp_path / "some.pth")
    monkeypatch.delitem(sys.modules, "odd_package")
    (tmp_path / "odd_package.py").unlink()
    monkeypatch.setenv("GEOLOC_TRUST_CHECKPOINTS", "1")
    with pytest.raises(CheckpointError, match=r"some\.pth .*'odd_package'.*install that package"):
        load_local_checkpoint(str(tmp_path / "some.pth"))
