import argparse
from collections.abc import Iterator

import pytest
import torch
from mmengine.config import Config
from torch import nn

from geoloc.engine import precision
from geoloc.engine.command_line import add_run_arguments
from geoloc.engine.precision import BFloat16OptimWrapper, enable_amp
from geoloc.errors import ConfigError
from geoloc.models.losses import DyCLLoss


def run_config() -> Config:
    return Config({"optim_wrapper": {"type": "OptimWrapper"}, "val_cfg": {}, "test_cfg": {}})


def test_forward_is_bfloat16_and_the_loss_float32() -> None:
    model = nn.Linear(4, 3)
    wrapper = BFloat16OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    rows = torch.randn(5, 4)
    levels = 3 * torch.eye(5, dtype=torch.int8)
    with wrapper.optim_context(model):
        features = model(rows)
        loss = DyCLLoss()(features, features, levels)
    assert features.dtype == torch.bfloat16
    assert loss.dtype == torch.float32
    assert model(rows).dtype == torch.float32


@pytest.mark.skipif(torch.cuda.is_available(), reason="the switch chooses float16 on a GPU")
@pytest.mark.parametrize("supported", [True, False])
def test_switch_on_a_cpu(supported: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "computes_bfloat16", lambda: supported)
    cfg = run_config()
    if supported:
        enable_amp(cfg)
        assert cfg.optim_wrapper.type == "BFloat16OptimWrapper"
        assert cfg.val_cfg.fp16
        assert cfg.test_cfg.fp16
    else:
        with pytest.warns(UserWarning, match="using float32"):
            enable_amp(cfg)
        assert cfg.to_dict() == run_config().to_dict()


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    before = torch.get_autocast_dtype("cuda")
    yield
    torch.set_autocast_dtype("cuda", before)


@pytest.mark.usefixtures("gpu")
def test_switch_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    cfg = run_config()
    enable_amp(cfg, "bfloat16")
    assert cfg.optim_wrapper == {"type": "BFloat16OptimWrapper"}
    assert torch.get_autocast_dtype("cuda") == torch.bfloat16
    cfg = run_config()
    enable_amp(cfg)
    assert cfg.optim_wrapper == {"type": "AmpOptimWrapper", "loss_scale": "dynamic"}
    assert torch.get_autocast_dtype("cuda") == torch.float16
    assert cfg.val_cfg.fp16


@pytest.mark.usefixtures("gpu")
def test_precision_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    with pytest.raises(ConfigError, match="this GPU does not compute in bfloat16; set amp=True"):
        enable_amp(run_config(), "bfloat16")
    with pytest.raises(ConfigError, match="amp='half' must be True, False or 'bfloat16'"):
        enable_amp(run_config(), "half")


@pytest.mark.parametrize(
    ("words", "amp"),
    [([], None), (["--amp"], True), (["--bfloat16"], "bfloat16"), (["--no-amp"], False)],
)
def test_words_for_precision(words: list[str], amp: object) -> None:
    parser = argparse.ArgumentParser()
    add_run_arguments(parser)
    assert parser.parse_args(["config.py", *words]).amp == amp
