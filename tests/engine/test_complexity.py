"""The cost of networks, against counts by hand."""

from mmengine.config import Config
from torch import nn

from geoloc.engine import complexity as module
from geoloc.engine.complexity import complexity, image_sizes
from geoloc.engine.config import load_config
from tests.conftest import ROOT


def test_msfa_costs_what_the_paper_prints(monkeypatch) -> None:
    monkeypatch.setattr(module, "ROUNDS", 1)
    cost = complexity(load_config(ROOT / "configs/msfa/msfa_vgg16_cvusa.py"), batch=1)
    # Two VGG16 up to their last pooling, each with two 3 x 3 convolutions 512 -> 512 and four
    # embeddings of 64 positions (64 -> 32 -> 64, with biases).
    embedding = 64 * 32 + 32 + 32 * 64 + 64
    assert cost.parameters == 2 * (14_714_688 + 2 * (512 * 512 * 9 + 512) + 4 * embedding)
    assert cost.parameters == 38_902_144
    assert round(cost.macs / 1e9, 2) == 40.69
    assert cost.descriptor_length == 512
    assert cost.batch_ms > 0


def test_a_convolution_is_counted_by_hand() -> None:
    pipeline = [
        {"type": "LoadImage"},
        {"type": "mmpretrain.Resize", "scale": (20, 10)},
        {"type": "mmpretrain.PackInputs"},
    ]
    convolution = {"in_channels": 3, "out_channels": 4, "kernel_size": 3, "padding": 1}
    model = {
        "type": "CrossViewRetriever",
        "views": ("street", "satellite"),
        "backbone": {"type": nn.Conv2d, **convolution},
        "neck": {"type": "mmpretrain.GlobalAveragePooling"},
        "head": {"type": "ProjectionHead", "in_dims": 4, "embed_dims": 8, "norm": False},
        "losses": {"instance": {"type": "InstanceLoss", "num_places": 99, "embed_dims": 8}},
    }
    pipelines = {"street": pipeline, "satellite": pipeline}
    cfg = Config({"model": model, "test_dataloader": {"dataset": {"pipelines": pipelines}}})
    assert image_sizes(cfg) == {"street": (10, 20), "satellite": (10, 20)}
    cost = complexity(cfg, batch=2)
    assert cost.parameters == 3 * 4 * 9 + 4 + 4 * 8 + 8  # shared, and without the loss's
    assert cost.macs == 2 * (10 * 20 * 3 * 4 * 9 + 4 * 8)
    assert cost.descriptor_length == 8
