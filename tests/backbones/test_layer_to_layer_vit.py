from typing import Any

import pytest
import timm
import torch
from mmengine.registry import DefaultScope

from geoloc.errors import ConfigError
from geoloc.registry import BACKBONES

SIZES = {"embed_dim": 12, "depth": 3, "num_heads": 3}
PLAIN = {"model_name": "vit_tiny_patch16_224", "img_size": (32, 64), **SIZES}


def network(**options: Any) -> Any:
    built = BACKBONES.build({"type": "LayerToLayerViT", **PLAIN, **options})
    generator = torch.Generator().manual_seed(0)
    for parameter in built.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
    return built.eval()


def images() -> torch.Tensor:
    return torch.randn(2, 3, 32, 64, generator=torch.Generator().manual_seed(1))


def norm(x: torch.Tensor, layer: torch.nn.LayerNorm) -> torch.Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return (
        centred / (centred.square().mean(-1, keepdim=True) + layer.eps).sqrt() * (layer.weight)
        + layer.bias
    )


def test_a_layer_attends_to_what_the_layer_before_it_received() -> None:
    built = network()
    vit = built.timm_model
    hidden = vit._pos_embed(vit.patch_embed(images()))
    states = [hidden, hidden]  # what layer l - 1 and layer l receive
    for block, key_norm in zip(vit.blocks, built.key_norms, strict=True):
        before, hidden = states[-2:]
        weight, bias = block.attn.qkv.weight, block.attn.qkv.bias
        query = norm(hidden, block.norm1) @ weight[:12].T + bias[:12]
        key = norm(before, key_norm) @ weight[12:24].T + bias[12:24]
        value = norm(before, key_norm) @ weight[24:].T + bias[24:]
        heads = []
        for head in range(3):
            part = slice(4 * head, 4 * head + 4)
            scores = query[..., part] @ key[..., part].transpose(1, 2) / 2
            heads.append(scores.softmax(-1) @ value[..., part])
        attended = torch.cat(heads, -1) @ block.attn.proj.weight.T + block.attn.proj.bias
        middle = hidden + attended
        states.append(middle + block.mlp(norm(middle, block.norm2)))
    torch.testing.assert_close(built(images())[0], norm(states[-1], vit.norm), rtol=1e-4, atol=1e-4)


def test_with_one_layer_it_is_the_vit_of_timm() -> None:
    built = network(depth=1)
    built.key_norms[0].load_state_dict(built.timm_model.blocks[0].norm1.state_dict())
    torch.testing.assert_close(built(images())[0], built.timm_model.forward_features(images()))


def test_weights_of_timm_for_another_image_size_load(tmp_path) -> None:
    theirs = timm.create_model("vit_tiny_patch16_224", num_classes=5, img_size=64, **SIZES)
    for block in theirs.blocks:
        torch.nn.init.normal_(block.norm1.weight)
    torch.save(theirs.state_dict(), tmp_path / "timm.pth")
    built = network(init_cfg={"type": "Pretrained", "checkpoint": str(tmp_path / "timm.pth")})
    with DefaultScope.overwrite_default_scope("geoloc"):
        built.init_weights()
    for block, other, key_norm in zip(
        theirs.blocks, built.timm_model.blocks, built.key_norms, strict=True
    ):
        assert torch.equal(block.norm1.weight, other.norm1.weight)
        assert torch.equal(block.norm1.weight, key_norm.weight)
    assert built.timm_model.pos_embed.shape == (1, 1 + 2 * 4, 12)
    torch.testing.assert_close(built.timm_model.pos_embed[:, 0], theirs.pos_embed[:, 0])
    # Its own checkpoint keeps the norms apart.
    built.key_norms[1].weight.data += 1
    other = network()
    other.load_state_dict(built.state_dict())
    assert torch.equal(other.key_norms[1].weight, built.key_norms[1].weight)
    assert not torch.equal(other.key_norms[1].weight, other.timm_model.blocks[1].norm1.weight)


def test_a_hybrid_trains_all_of_its_weights() -> None:
    built = network(model_name="vit_tiny_r_s16_p8_224", patch_size=4).train()
    (tokens,) = built(images())
    assert tokens.shape == (2, 1 + 2 * 4, 12)
    tokens.square().sum().backward()
    assert all(p.grad is not None for p in built.parameters())


def test_what_is_no_vit_is_refused() -> None:
    with pytest.raises(ConfigError, match="'resnet18' is a ResNet"):
        BACKBONES.build({"type": "LayerToLayerViT", "model_name": "resnet18"})
