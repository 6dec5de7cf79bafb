import pytest
import torch
from mmengine.config import Config
from torch import nn

from geoloc.engine import precision
from geoloc.engine.precision import BFloat16OptimWrapper, enable_amp
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


def test_switch_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    cfg = run_config()
    enable_amp(cfg)
    assert cfg.optim_wrapper == {"type": "AmpOptimWrapper", "loss_scale": "dynamic"}
