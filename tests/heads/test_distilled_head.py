import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.models.heads import DeiTClsHead

from geoloc.registry import HEADS

BUILD = {"type": "DistilledHead", "in_dims": 4, "embed_dims": 3}


def test_it_is_the_mean_of_two_classifiers() -> None:
    head = HEADS.build(BUILD).double()
    tokens = torch.rand(2, 4, 2, dtype=torch.float64)
    expected = torch.zeros(2, 3, dtype=torch.float64)
    for position, name in enumerate(("head", "head_dist")):
        layer = head.layers[name]
        for row in range(2):
            expected[row] += (layer.weight @ tokens[row, :, position] + layer.bias) / 2
    embedding = head(tokens)
    torch.testing.assert_close(embedding, expected)
    lengths = expected.square().sum(dim=1, keepdim=True).sqrt()
    torch.testing.assert_close(head.descriptor(embedding), expected / lengths)


def test_descriptors_are_float32_in_half_precision() -> None:
    embedding = torch.rand(2, 3).bfloat16()
    assert HEADS.build(BUILD).descriptor(embedding).dtype == torch.float32


def test_the_classifiers_of_a_distilled_vit_load(tmp_path) -> None:
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        theirs = DeiTClsHead(num_classes=3, in_channels=4, init_cfg=None)
    state = {f"head.{name}": value for name, value in theirs.state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "deit.pth")
    cfg = {"type": "Pretrained", "checkpoint": str(tmp_path / "deit.pth"), "prefix": "head."}
    head = HEADS.build({**BUILD, "init_cfg": cfg})
    with DefaultScope.overwrite_default_scope("geoloc"):
        head.init_weights()
    tokens = torch.rand(2, 4, 2)
    theirs.eval()
    torch.testing.assert_close(head(tokens), theirs(((tokens[..., 0], tokens[..., 1]),)))


def test_tokens_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"tokens \[N, 4, 2\], got \[2, 4\]"):
        HEADS.build(BUILD)(torch.rand(2, 4))
