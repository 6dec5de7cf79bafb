"""A run that is stopped anywhere and resumed ends as one that was never stopped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook

from geoloc.engine import epoch_loop
from geoloc.engine.config import load_config
from geoloc.engine.epoch_loop import EpochLoop
from geoloc.engine.generators import generator_states, restore_generators
from geoloc.engine.hooks.safe_checkpoint import WITHIN_EPOCH
from geoloc.engine.run import prepare, train
from geoloc.errors import CheckpointError, ConfigError
from geoloc.evaluation.results import read_metrics
from geoloc.registry import HOOKS, RUNNERS

SMALL = """
small = [dict(type='LoadImage'), dict(type='mmpretrain.Resize', scale=(16, 16)),
         dict(type='mmpretrain.RandomFlip', prob=0.5), dict(type='mmpretrain.PackInputs')]
plain = [dict(type='LoadImage'), dict(type='mmpretrain.Resize', scale=(16, 16)),
         dict(type='mmpretrain.PackInputs')]
train_dataloader = dict(dataset=dict(pipelines=dict(drone=small, satellite=small)){sampler})
val_dataloader = dict(dataset=dict(pipelines=dict(drone=plain, satellite=plain)))
model = dict(
    backbone=dict(stem_channels=8, base_channels=8), head=dict(in_dims=64, embed_dims=256))
"""
MINED = ", sampler=dict(type='DynamicSimilaritySampler', neighbour_select=2, neighbour_range=4)"
NEIGHBOURS = {"type": "NeighbourMiningHook", "start_epoch": 0, "interval": 2}
REFITS = {"binning": "uniform", "bins": 5, "min_pairs": 1, "min_bins": 3}
AUGMENT = {
    "drone": {"type": "BatchAugment", "crop_ratio_range": (0.5, 1.0), "contrast": 0.3},
    "satellite": {"type": "BatchAugment", "degrees": 180.0, "flip_prob": 0.5},
}
DROPOUT = {"type": "DropoutHook"}
EMA = {"type": "EMAHook", "momentum": 0.1}
STEPS = 6  # per epoch: 36 photos, 6 in a batch


class Stopped(Exception):
    """The run is stopped here."""


@HOOKS.register_module()
class StopHook(Hook):
    """Stops a run after an iteration, or at the beginning of an evaluation."""

    priority = "LOWEST"

    def __init__(self, iteration: int | None = None, evaluation: int | None = None) -> None:
        self.iteration, self.evaluation = iteration, evaluation

    def after_train_iter(self, runner: Any, *_: Any, **__: Any) -> None:
        if runner.iter + 1 == self.iteration:
            raise Stopped

    def before_val_epoch(self, runner: Any) -> None:
        if runner.epoch == self.evaluation:
            raise Stopped


@HOOKS.register_module()
class DropoutHook(Hook):
    """Lets the network draw from torch's generator in every step."""

    def before_train(self, runner: Any) -> None:
        runner.model.head.register_forward_hook(
            lambda module, _, out: torch.dropout(out, 0.3, module.training)
        )


Write = Callable[..., Any]


@pytest.fixture
def config(small_config: Callable[..., Path]) -> Write:
    """Return a writer of run configs of one small network with any method."""

    def write(work_dir: Path, method: str, *hooks: dict[str, Any], **options: Any) -> Any:
        sampler = MINED if NEIGHBOURS in hooks else ""
        base = f"{method}/{method}_r18_campusworld.py"
        path = small_config(
            base=base, extra=SMALL.replace("{sampler}", sampler), epochs=3, batch_size=6
        )
        cfg = load_config(path)
        cfg.train_cfg.val_interval = 1
        cfg.default_hooks.checkpoint.update({"within_epoch": 1, **options})
        if method == "docb":  # on the device the images of a batch vary, and those loaded again
            cfg.model.miner.update(start_epoch=0, memory_size=3)
            cfg.model.data_preprocessor = {"type": "ViewPreprocessor", "augment": AUGMENT}
        if method == "srcl_infonce":
            cfg.model.losses.srcl.refit = REFITS
            cfg.default_hooks.semivariogram.refit = 4  # within an epoch
        cfg.custom_hooks = [*cfg.get("custom_hooks", []), *hooks]
        return prepare(cfg, str(work_dir))

    return write


def assert_same(one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_same(one[name], other[name])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for part in zip(one, other, strict=True):
            assert_same(*part)
    elif isinstance(one, torch.Tensor):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
    else:
        assert one == other


def weights(folder: Path) -> dict[str, Any]:
    content = torch.load(folder / "epoch_3.pth", weights_only=True)
    return {name: content[name] for name in ("state_dict", "optimizer", "param_schedulers")}


@pytest.mark.parametrize(
    ("method", "hooks"),
    [
        ("infonce", (DROPOUT,)),
        ("infonce", (NEIGHBOURS,)),
        ("infonce", (EMA,)),
        ("dycl", ()),
        ("docb", ()),
        ("xbm", ()),
        ("srcl_infonce", ()),
    ],
)
@pytest.mark.parametrize("stop", [2, STEPS + 3])
def test_a_run_goes_on_within_an_epoch(
    config: Write, tmp_path: Path, method: str, hooks: tuple[dict[str, Any], ...], stop: int
) -> None:
    whole = train(config(tmp_path / "whole", method, *hooks))
    assert not (whole / WITHIN_EPOCH).exists()  # an epoch's checkpoint has taken its place
    cut = tmp_path / "cut"
    with pytest.raises(Stopped):
        train(config(cut, method, *hooks, {"type": "StopHook", "iteration": stop}))
    assert torch.load(cut / WITHIN_EPOCH, weights_only=True)["meta"]["iter"] == stop
    torch.manual_seed(99)  # another process has other generators
    np.random.seed(99)  # noqa: NPY002
    train(config(cut, method, *hooks), resume="auto")
    assert_same(weights(cut), weights(whole))
    assert read_metrics(cut) == read_metrics(whole)


def test_the_evaluation_that_was_due_is_run(config: Write, tmp_path: Path) -> None:
    best = {"save_best": "drone->satellite/H-AP", "rule": "greater"}
    whole = train(config(tmp_path / "whole", "infonce", **best))
    for epoch in (2, 3):
        cut = tmp_path / f"cut{epoch}"
        stop = {"type": "StopHook", "evaluation": epoch}
        with pytest.raises(Stopped):
            train(config(cut, "infonce", stop, **best))
        train(config(cut, "infonce", **best), resume="auto")
        assert read_metrics(cut) == read_metrics(whole)
        assert sorted(file.name for file in cut.glob("*.pth")) == sorted(
            file.name for file in whole.glob("*.pth")
        )


# of 6 iterations per epoch: a checkpoint is due after the second, and written when a step is whole
@pytest.mark.parametrize(("count", "stop", "saved"), [(3, 3, 3), (4, 4, 4), (4, 11, 10)])
def test_no_half_of_an_accumulated_gradient_is_lost(
    config: Write, tmp_path: Path, count: int, stop: int, saved: int
) -> None:
    def run(folder: Path, stop: int | None, resume: str | None = None) -> dict[str, Any]:
        cfg = config(folder, "infonce", {"type": "StopHook", "iteration": stop}, within_epoch=2)
        cfg.optim_wrapper.accumulative_counts = count
        train(cfg, resume)
        return weights(folder)

    whole = run(tmp_path / "whole", None)
    with pytest.raises(Stopped):
        run(tmp_path / "cut", stop)
    content = torch.load(tmp_path / "cut" / WITHIN_EPOCH, weights_only=True)
    assert content["meta"]["iter"] == saved
    assert_same(run(tmp_path / "cut", None, "auto"), whole)


def test_accumulated_gradients_end_with_the_epoch(config: Write, tmp_path: Path) -> None:
    def run(folder: Path, resume: str | None = None, stop: int | None = None) -> dict[str, Any]:
        cfg = config(folder, "infonce", {"type": "StopHook", "iteration": stop}, within_epoch=None)
        cfg.optim_wrapper.accumulative_counts = 4
        train(cfg, resume)
        return weights(folder)

    whole = run(tmp_path / "whole")
    with pytest.raises(Stopped):
        run(tmp_path / "cut", stop=8)
    assert_same(run(tmp_path / "cut", "auto"), whole)


def test_a_run_stopped_again_in_the_same_epoch_keeps_its_batches(
    config: Write, tmp_path: Path
) -> None:
    runner = RUNNERS.build(config(tmp_path, "infonce"))
    loop = runner.build_train_loop(runner._train_loop)
    (position,) = loop.position()
    items = position["items"].flip(0)[12:]  # what a sampler had mined and has forgotten
    loop.go_on_from([position | {"done": 2, "items": items, "lengths": position["lengths"][2:]}])
    batches = loop._batches()
    for _ in range(3):
        assert next(batches)["rows"]["drone"].shape == (6,)
        loop._done += 1
    (again,) = loop.position()
    assert again["done"] == 5
    assert again["items"].tolist() == items[18:].tolist()
    assert again["lengths"].tolist() == [6]


def test_another_number_of_processes_or_batches_cannot_go_on_within_an_epoch(
    config: Write, tmp_path: Path
) -> None:
    runner = RUNNERS.build(config(tmp_path, "infonce"))
    loop = runner.build_train_loop(runner._train_loop)
    assert isinstance(loop, EpochLoop)
    (position,) = loop.position()
    assert position["lengths"].tolist() == [6] * STEPS
    with pytest.raises(CheckpointError, match=r"by 2 process\(es\), and this run has 1"):
        loop.go_on_from([position, position])
    with pytest.raises(CheckpointError, match=r"epoch of 5 batches, and this run has 6: set train"):
        loop.go_on_from([position | {"lengths": position["lengths"][1:]}])  # of other batches
    with pytest.raises(ConfigError, match="within_epoch=0"):
        RUNNERS.build(config(tmp_path, "infonce", within_epoch=0))


def test_processes_that_find_different_checkpoints_do_not_begin(
    config: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = RUNNERS.build(config(tmp_path / "run", "infonce"))
    monkeypatch.setattr(epoch_loop, "all_gather_object", lambda steps: [6, steps])
    with pytest.raises(CheckpointError, match=r"begin after \[6, 0\] steps: .*run must be one"):
        runner.train()


def test_generators_are_restored(tmp_path: Path) -> None:
    import random

    def draw() -> list[float]:
        return [random.gauss(0, 1), np.random.randn(), float(torch.randn(()))]  # noqa: NPY002

    draw()  # one of a pair of normal numbers is kept for the next call
    torch.save(generator_states(), tmp_path / "states.pth")
    first = draw()
    random.seed(5), np.random.seed(5), torch.manual_seed(5)  # noqa: NPY002
    restore_generators(torch.load(tmp_path / "states.pth", weights_only=True))
    assert draw() == first


def test_a_process_may_go_on_on_a_gpu_of_another_number(monkeypatch: pytest.MonkeyPatch) -> None:
    own, gpus = torch.tensor([1], dtype=torch.uint8), [torch.zeros(1, dtype=torch.uint8)]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda: own)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: [*gpus, own])  # its is the second
    states = generator_states()
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state: gpus.__setitem__(0, state))
    monkeypatch.setattr(  # a machine with one, as torch does it
        torch.cuda, "set_rng_state_all", lambda all_: [gpus[k].copy_(s) for k, s in enumerate(all_)]
    )
    restore_generators(states)
    assert gpus[0].tolist() == [1]


def test_runs_of_one_second_share_nothing(config: Write, tmp_path: Path) -> None:
    runners = [RUNNERS.build(config(tmp_path / str(k), "infonce")) for k in range(3)]
    assert len({runner.experiment_name for runner in runners}) == 3
    assert len({id(runner.message_hub) for runner in runners}) == 3
