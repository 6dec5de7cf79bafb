from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from geoloc.engine import throughput
from geoloc.engine.config import load_config
from geoloc.engine.run import prepare
from geoloc.engine.throughput import _Batches, gemm_flops, measure
from geoloc.registry import RUNNERS

SMALL = """
small = [dict(type='LoadImage'), dict(type='mmpretrain.Resize', scale=(16, 16)),
         dict(type='mmpretrain.PackInputs')]
train_dataloader = dict(dataset=dict(pipelines=dict(drone=small, satellite=small)))
model = dict(
    backbone=dict(stem_channels=8, base_channels=8), head=dict(in_dims=64, embed_dims=16))
"""


class Clock:
    """A clock that every reading advances by one second."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += 1.0
        return self.now


def test_rates_are_images_of_all_views_per_second(
    small_config: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = load_config(small_config(base="infonce/infonce_r18_campusworld.py", extra=SMALL))
    monkeypatch.setattr(throughput, "time", Clock())
    found = measure(prepare(cfg, str(tmp_path)), steps=10, warmup=2)
    images = 10 * 2 * 6  # steps, views, batch
    assert (found.loader, found.model, found.bare) == (images, images, images)  # one tick
    # Two readings per step: one of them after waiting for images.
    assert found.whole == pytest.approx(images / 20)
    assert found.waiting == pytest.approx(0.5)
    assert found.dtype == "float32"
    assert found.gemm_flops == 2 * 1024**3
    assert found.limit == pytest.approx(images / 10 * found.gemm_flops / found.flops)


def test_operations_are_those_of_forward_and_backward_pass(
    small_config: Callable[..., Path], tmp_path: Path
) -> None:
    cfg = load_config(small_config(base="infonce/infonce_r18_campusworld.py", extra=SMALL))
    found = measure(prepare(cfg, str(tmp_path)), steps=1, warmup=1)
    model = RUNNERS.build(cfg).model
    with FlopCounterMode(display=False) as counter:
        model.describe(torch.zeros(12, 3, 16, 16), "drone")
    forward = counter.get_total_flops()
    assert 2.5 * forward < found.flops < 3.1 * forward  # no gradient of the images


def test_batches_go_round() -> None:
    batches = _Batches([[1, 2], [3]], 5)
    assert len(batches) == 5
    assert [*batches] == [[1, 2], [3], [1, 2], [3], [1, 2]]


def test_matrix_products_have_a_rate() -> None:
    assert gemm_flops("cpu", torch.float32) > 1e8


def test_only_backbones_are_compiled(small_config: Callable[..., Path], tmp_path: Path) -> None:
    path = small_config(base="infonce/infonce_r18_campusworld.py", extra=SMALL)
    cfg = load_config(path, {"compile": {"backend": "eager"}})
    runner = RUNNERS.build(prepare(cfg, str(tmp_path)))
    names = {name for name, _ in runner.model.named_parameters()}
    runner._maybe_compile("train_step")

    def is_compiled(part: nn.Module) -> bool:
        return part._compiled_call_impl is not None

    assert is_compiled(runner.model.backbone)
    assert not is_compiled(runner.model)
    assert not is_compiled(runner.model.head)
    assert {name for name, _ in runner.model.named_parameters()} == names
