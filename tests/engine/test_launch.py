"""What a run of several processes asks for before they meet."""

import pytest
import torch
from mmengine.config import Config
from mmengine.model import convert_sync_batchnorm
from torch import nn

from geoloc.engine import launch
from geoloc.engine.config import check_config
from geoloc.engine.launch import init_distributed
from geoloc.errors import ConfigError
from geoloc.models.batch_norm import ReplayedBatchNorm, unrecorded_batch_norm
from geoloc.registry import MODELS


@pytest.fixture
def torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(launch, "end_with_launcher", lambda: None)
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda backend: None)


def test_sync_bn_needs_gpus(torchrun: None) -> None:
    cfg = Config({"sync_bn": "torch"})
    with pytest.raises(ConfigError, match=r"sync_bn='torch' needs GPUs.*set sync_bn=None, and .*"):
        init_distributed(cfg, "pytorch")
    init_distributed(cfg, "none")  # one process has nothing to synchronise
    init_distributed(Config({"sync_bn": None}), "pytorch")


def test_sync_bn_of_another_package_is_refused(torchrun: None) -> None:
    with pytest.raises(ConfigError, match=r"sync_bn='mmcv' must be 'torch', or None"):
        init_distributed(Config({"sync_bn": "mmcv"}), "pytorch")


def test_sync_bn_is_a_key_of_a_config(small_config) -> None:
    cfg = Config.fromfile(small_config(extra="sync_bn = 'torch'\n"))
    check_config(cfg)
    with pytest.raises(ConfigError, match="config key 'sync_bnn' is unknown: did you mean sync_bn"):
        check_config(Config({**cfg, "sync_bnn": "torch"}))


def test_synchronised_layers_are_treated_as_batch_norm(small_config) -> None:
    """What mmengine makes of a model with ``sync_bn='torch'``; it runs on GPUs only."""
    cfg = Config.fromfile(small_config())
    cfg.model.backbone.init_cfg = None
    model = convert_sync_batchnorm(MODELS.build(cfg.model), "torch").train()
    layers = [layer for layer in model.modules() if isinstance(layer, nn.SyncBatchNorm)]
    assert len(layers) == 20
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())
    with unrecorded_batch_norm(model):
        assert not any(layer.track_running_stats for layer in layers)
    with ReplayedBatchNorm(model):
        assert {layer.momentum for layer in layers} == {0.0}
    assert {layer.momentum for layer in layers} == {0.1}
