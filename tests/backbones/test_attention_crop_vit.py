from typing import Any

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.models.backbones import DistilledVisionTransformer

from geoloc.errors import ConfigError
from geoloc.models.backbones.attention_crop_vit import AttentionCropViT, last_attention

ARCH = {"embed_dims": 12, "num_layers": 2, "num_heads": 3, "feedforward_channels": 24}
OPTIONS: dict[str, Any] = {"arch": ARCH, "img_size": 64, "patch_size": 16}


def randomised(network: torch.nn.Module) -> Any:
    """Return the network with weights that leave nothing small."""
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
    network.eval()
    return network


def crop(keep: float = 0.5, **guide: Any) -> Any:
    return randomised(AttentionCropViT(guide={"img_size": 32, **guide}, keep=keep, **OPTIONS))


def images(number: int = 2, side: int = 64) -> torch.Tensor:
    return torch.randn(number, 3, side, side, generator=torch.Generator().manual_seed(1))


def test_attention_is_that_of_the_two_first_tokens_in_the_last_layer() -> None:
    network = randomised(DistilledVisionTransformer(**{**OPTIONS, "out_type": "raw"}))
    received = []
    network.layers[-1].attn.register_forward_pre_hook(lambda _, args: received.append(args[0]))
    network(images(1))
    (tokens,) = received  # behind the norm
    weight, bias = network.layers[-1].attn.qkv.weight, network.layers[-1].attn.qkv.bias
    expected = torch.zeros(16)
    for head in range(3):
        rows = slice(4 * head, 4 * head + 4)
        query = tokens[0] @ weight[:12][rows].T + bias[:12][rows]
        key = tokens[0] @ weight[12:24][rows].T + bias[12:24][rows]
        for token in range(2):
            scores = torch.stack([query[token] @ key[other] / 2 for other in range(18)])
            expected += (scores.exp() / scores.exp().sum())[2:]
    found = last_attention(network, images(1))
    torch.testing.assert_close(found, expected.reshape(1, 4, 4))


def test_all_patches_kept_is_the_network_without_crop() -> None:
    network = crop(keep=1.0)
    plain = DistilledVisionTransformer(**{**OPTIONS, "out_type": "raw"})
    plain.eval()
    own = {k: v for k, v in network.state_dict().items() if not k.startswith("guide.")}
    plain.load_state_dict(own)
    torch.testing.assert_close(network(images())[0], plain(images())[0])


def test_only_what_is_kept_is_looked_at() -> None:
    network = crop(keep=0.5)
    picture = images(1)
    (kept,) = network.kept_patches(picture, 4, 4)
    assert kept.tolist() == sorted(set(kept.tolist()))
    assert len(kept) == 8
    (tokens,) = network(picture)
    assert tokens.shape == (1, 2 + 8, 12)
    attention = torch.nn.functional.interpolate(
        last_attention(
            network.guide,
            torch.nn.functional.interpolate(picture, (32, 32), mode="bilinear", antialias=True),
        )[:, None],
        (4, 4),
        mode="bilinear",
    ).flatten()
    left_out = [patch for patch in range(16) if patch not in kept]
    assert attention[kept].min() >= attention[left_out].max()
    # A change in a patch that is left out changes nothing, as long as the choice stays.
    network.kept_patches = lambda *_: kept[None]
    for patch, changes in ((left_out[0], False), (int(kept[0]), True)):
        changed = picture.clone()
        row, column = divmod(patch, 4)
        changed[:, :, 16 * row : 16 * row + 16, 16 * column : 16 * column + 16] += 1
        assert torch.equal(network(changed)[0], tokens) != changes


def test_a_checkpoint_of_the_first_stage_starts_network_and_guide(tmp_path) -> None:
    first = randomised(DistilledVisionTransformer(**{**OPTIONS, "img_size": 32}))
    state = {f"backbone.satellite.{name}": value for name, value in first.state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "first.pth")
    network = AttentionCropViT(
        guide={"img_size": 32},
        init_cfg={
            "type": "Pretrained",
            "checkpoint": str(tmp_path / "first.pth"),
            "prefix": "backbone.satellite.",
        },
        **OPTIONS,
    )
    with DefaultScope.overwrite_default_scope("geoloc"):
        network.init_weights()
    for name, value in first.state_dict().items():
        assert torch.equal(network.guide.state_dict()[name], value), name
        if name != "pos_embed":
            assert torch.equal(network.state_dict()[name], value), name
    assert network.pos_embed.shape == (1, 2 + 16, 12)
    # A checkpoint of the second stage keeps them apart.
    network.guide.cls_token.data += 1
    other = AttentionCropViT(guide={"img_size": 32}, **OPTIONS)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.guide.cls_token, network.guide.cls_token)
    assert not torch.equal(other.cls_token, other.guide.cls_token)


def test_the_guide_does_not_learn() -> None:
    network = crop(drop_rate=0.5).train()
    assert not network.guide.training
    network(images())[0].sum().backward()
    assert all(p.grad is None and not p.requires_grad for p in network.guide.parameters())
    assert network.patch_embed.projection.weight.grad.abs().max() > 0


@pytest.mark.parametrize("keep", [0.0, 1.2, 0.01])
def test_a_share_that_leaves_nothing_is_refused(keep) -> None:
    with pytest.raises(ConfigError, match=f"keep={keep} of 16 patches"):
        crop(keep=keep)
