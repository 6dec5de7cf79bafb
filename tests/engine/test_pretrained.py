from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import torchvision
from mmengine.registry import DefaultScope
from torch import nn

from geoloc.engine.config import load_config
from geoloc.engine.pretrained import PretrainedInit, load_weights
from geoloc.engine.weight_conversion import weights_in
from geoloc.errors import CheckpointError, ConfigError
from geoloc.registry import BACKBONES, MODELS
from tests.conftest import ROOT

VIT = {
    "type": "mmpretrain.VisionTransformer",
    "arch": {"embed_dims": 24, "num_layers": 2, "num_heads": 3, "feedforward_channels": 48},
    "img_size": 42,
    "patch_size": 14,
    "out_type": "featmap",
}
RESNET = {"type": "mmpretrain.ResNet", "depth": 18}


def build(config, **options):
    torch.manual_seed(0)
    model = BACKBONES.build({**config, **options})
    model.eval()
    return model


def randomise(model: nn.Module) -> dict[str, torch.Tensor]:
    """Give every tensor, running statistics included, a value of its own; return them."""
    generator = torch.Generator().manual_seed(1)
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(0.5 + 0.05 * torch.randn(tensor.shape, generator=generator))
    return dict(model.state_dict())


def start_from(content: object, model: nn.Module, folder: Path, **options: object) -> None:
    torch.save(content, folder / "file.pth")
    PretrainedInit(str(folder / "file.pth"), **options)(model)


def official_vit_weights(layer_scale: bool, swiglu: bool = False) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)

    def new(*shape: int) -> torch.Tensor:
        return 0.3 * torch.randn(*shape, generator=generator)

    weights = {
        "cls_token": new(1, 1, 24),
        "pos_embed": new(1, 10, 24),
        "mask_token": new(1, 24),
        "patch_embed.proj.weight": new(24, 3, 14, 14),
        "patch_embed.proj.bias": new(24),
        "norm.weight": new(24),
        "norm.bias": new(24),
        "head.weight": new(5, 24),
        "head.bias": new(5),
    }
    feed_forward = (
        {"w12": (64, 24), "w3": (24, 32)} if swiglu else {"fc1": (48, 24), "fc2": (24, 48)}
    )
    for block in range(2):
        layers = {"norm1": (24,), "norm2": (24,), "attn.qkv": (72, 24), "attn.proj": (24, 24)}
        layers |= {f"mlp.{name}": shape for name, shape in feed_forward.items()}
        for name, shape in layers.items():
            weights[f"blocks.{block}.{name}.weight"] = new(*shape)
            weights[f"blocks.{block}.{name}.bias"] = new(shape[0])
        if layer_scale:
            weights |= {f"blocks.{block}.ls{i}.gamma": new(24) for i in (1, 2)}
    return weights


def official_vit(weights: dict[str, torch.Tensor], images: torch.Tensor) -> torch.Tensor:
    """The forward pass of timm's ViT and DINOv2 in plain functions of the file's tensors."""

    def linear(name: str, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(name: str, x: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(x, (24,), weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-6)

    def attention(block: str, x: torch.Tensor) -> torch.Tensor:
        q, k, v = linear(f"{block}.attn.qkv", x).unflatten(2, (3, 3, 8)).unbind(2)
        scores = torch.einsum("nihd,njhd->nhij", q, k) / 8**0.5
        mixed = torch.einsum("nhij,njhd->nihd", scores.softmax(-1), v).flatten(2)
        return linear(f"{block}.attn.proj", mixed)

    def feed_forward(block: str, x: torch.Tensor) -> torch.Tensor:
        if f"{block}.mlp.w12.weight" in weights:
            gate, value = linear(f"{block}.mlp.w12", x).chunk(2, dim=-1)
            return linear(f"{block}.mlp.w3", F.silu(gate) * value)
        return linear(f"{block}.mlp.fc2", F.gelu(linear(f"{block}.mlp.fc1", x)))

    patches = F.conv2d(
        images, weights["patch_embed.proj.weight"], weights["patch_embed.proj.bias"], stride=14
    )
    tokens = patches.flatten(2).transpose(1, 2)
    x = torch.cat([weights["cls_token"].expand(len(tokens), -1, -1), tokens], 1)
    x = x + weights["pos_embed"]
    for block in ("blocks.0", "blocks.1"):
        x = x + attention(block, norm(f"{block}.norm1", x)) * weights.get(f"{block}.ls1.gamma", 1)
        x = x + feed_forward(block, norm(f"{block}.norm2", x)) * weights.get(
            f"{block}.ls2.gamma", 1
        )
    return norm("norm", x)[:, 1:].transpose(1, 2).unflatten(2, patches.shape[2:])


@pytest.mark.parametrize(("layer_scale", "swiglu"), [(False, False), (True, False), (True, True)])
def test_vit_of_timm_and_dinov2(layer_scale: bool, swiglu: bool, tmp_path: Path) -> None:
    weights = official_vit_weights(layer_scale, swiglu)
    options = {"layer_scale_init_value": 1e-5} if layer_scale else {}
    if swiglu:
        options["layer_cfgs"] = {"ffn_type": "swiglu_fused"}
    model = build(VIT, **options)
    images = torch.randn(2, 3, 42, 42)
    before = model(images)[-1]
    start_from(weights, model, tmp_path)
    expected = official_vit(weights, images)
    torch.testing.assert_close(model(images)[-1], expected, rtol=1e-4, atol=1e-4)
    assert (before - expected).abs().max() > 0.1


def test_position_embeddings_adapt_to_another_image_size(tmp_path: Path) -> None:
    model = build(VIT, img_size=56)
    start_from(official_vit_weights(layer_scale=False), model, tmp_path)
    assert model.pos_embed.shape == (1, 17, 24)
    torch.testing.assert_close(
        model.pos_embed[:, 0], official_vit_weights(layer_scale=False)["pos_embed"][:, 0]
    )


@pytest.mark.parametrize("wrap", [lambda w: w, lambda w: {"model": w}, lambda w: {"state_dict": w}])
def test_resnet_of_torchvision(wrap, tmp_path: Path) -> None:
    official = torchvision.models.resnet18()
    weights = randomise(official)
    official.eval()
    model = build(RESNET)
    start_from(wrap(weights), model, tmp_path)
    images = torch.randn(2, 3, 64, 64)
    expected = nn.Sequential(*list(official.children())[:-2])(images)
    torch.testing.assert_close(model(images)[-1], expected)


@pytest.mark.parametrize("prefix", ["backbone.", "module.backbone."])
def test_backbone_inside_a_classifier_of_mmpretrain(prefix: str, tmp_path: Path) -> None:
    weights = randomise(build(RESNET))
    content = {
        "meta": {"classes": ["a", "b"]},
        "state_dict": {prefix + name: tensor for name, tensor in weights.items()}
        | {"head.fc.weight": torch.zeros(2, 512)},
    }
    model = build(RESNET)
    start_from(content, model, tmp_path)
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, weights[name])


def test_one_branch_of_a_retriever(tmp_path: Path) -> None:
    weights = randomise(build(RESNET))
    other = {name: torch.zeros_like(tensor) for name, tensor in weights.items()}
    state = {f"backbone.drone.{name}": tensor for name, tensor in weights.items()}
    state |= {f"backbone.satellite.{name}": tensor for name, tensor in other.items()}
    model = build(RESNET)
    start_from({"state_dict": state}, model, tmp_path, prefix="backbone.drone")
    torch.testing.assert_close(model.conv1.weight, weights["conv1.weight"])
    with pytest.raises(CheckpointError, match=r"no tensor under prefix='neck\.'"):
        start_from({"state_dict": state}, model, tmp_path, prefix="neck")


def retriever(**options):
    torch.manual_seed(2)
    return MODELS.build(
        {
            "type": "CrossViewRetriever",
            "backbone": dict(RESNET),
            "neck": {"type": "mmpretrain.GlobalAveragePooling"},
            "head": {"type": "ProjectionHead", "in_dims": 512, "embed_dims": 8},
            **options,
        }
    )


def test_a_retriever_starts_from_another_run_with_fresh_losses(tmp_path: Path) -> None:
    def clustering(places: int):
        return {"c": {"type": "NormalizedSoftmaxLoss", "num_places": places, "embed_dims": 8}}

    other, model = retriever(losses=clustering(5)), retriever(losses=clustering(9))
    weights = randomise(other)
    proxies = model.losses["c"].weight.clone()
    start_from({"state_dict": weights}, model, tmp_path)
    torch.testing.assert_close(model.head.fc.weight, weights["head.fc.weight"])
    torch.testing.assert_close(model.backbone.conv1.weight, weights["backbone.conv1.weight"])
    torch.testing.assert_close(model.losses["c"].weight, proxies)


def test_init_cfg_of_a_config_comes_here(tmp_path: Path) -> None:
    weights = official_vit_weights(layer_scale=False)
    torch.save(weights, tmp_path / "vit.pth")
    init = {"type": "Pretrained", "checkpoint": str(tmp_path / "vit.pth")}
    model = retriever(
        backbone={**VIT, "init_cfg": init},
        head={"type": "ProjectionHead", "in_dims": 24, "embed_dims": 8},
    )
    with DefaultScope.overwrite_default_scope("geoloc"):
        model.init_weights()
    torch.testing.assert_close(model.backbone.ln1.weight, weights["norm.weight"])


def test_its_options_are_checked_with_the_config() -> None:
    path = ROOT / "configs/dycl/dycl_r50_dacampus.py"
    load_config(path, {"model.backbone.init_cfg.allow_missing": True})
    with pytest.raises(ConfigError, match=r"init_cfg\.allow_mising.*did you mean allow_missing"):
        load_config(path, {"model.backbone.init_cfg.allow_mising": True})


@pytest.mark.parametrize(
    ("model_name", "options", "config"),
    [
        ("resnet18", {}, RESNET),
        (
            "convnext_tiny",
            {"depths": (1, 1, 2, 1), "dims": (8, 16, 24, 32)},
            {
                "type": "mmpretrain.ConvNeXt",
                "arch": {"depths": [1, 1, 2, 1], "channels": [8, 16, 24, 32]},
                "gap_before_final_norm": False,
            },
        ),
        (
            "vit_small_patch14_dinov2",
            {"embed_dim": 24, "depth": 2, "num_heads": 3, "mlp_ratio": 2, "img_size": 42},
            {**VIT, "layer_scale_init_value": 1e-5},
        ),
    ],
)
def test_weights_of_timm_fit_both_timm_and_mmpretrain(
    model_name: str, options: dict, config: dict, tmp_path: Path
) -> None:
    timm = pytest.importorskip("timm")
    official = timm.create_model(model_name, **options)
    weights = randomise(official)
    images = torch.randn(2, 3, 42, 42)
    wrapped = build({"type": "TimmBackbone", "model_name": model_name, **options})
    start_from(weights, wrapped, tmp_path)
    for name, tensor in wrapped.timm_model.state_dict().items():
        assert torch.equal(tensor, weights[name]), name
    expected = wrapped(images)[-1]
    model = build(config)
    start_from(weights, model, tmp_path)
    if model_name.startswith("convnext"):  # timm has the last norm in the head
        expected = F.layer_norm(
            expected.permute(0, 2, 3, 1),
            expected.shape[1:2],
            weights["head.norm.weight"],
            weights["head.norm.bias"],
            1e-6,
        ).permute(0, 3, 1, 2)
    torch.testing.assert_close(model(images)[-1], expected, rtol=1e-3, atol=1e-4)


def test_the_report_names_what_was_missing_and_what_not_used() -> None:
    model = build(RESNET)
    weights = {**model.state_dict(), "fc.weight": torch.zeros(5, 512), "fc.bias": torch.zeros(5)}
    report, missing = load_weights(model, weights, "r18.pth")
    assert (
        report
        == "r18.pth: 120 tensors loaded into ResNet; in the file, but not used: fc.weight, fc.bias"
    )
    assert missing == []
    del weights["layer4.0.conv1.weight"], weights["bn1.num_batches_tracked"]
    report, missing = load_weights(model, weights, "r18.pth", allow_missing=True)
    assert missing == ["layer4.0.conv1.weight"]
    assert "; missing, left as they were: layer4.0.conv1.weight; " in report


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: torchvision.models.resnet34().state_dict(), None),
        (lambda: {"weights": torch.zeros(1)}, r"nothing in .*fits ResNet: the file has weights"),
        (lambda: {"epoch": 3}, r"holds no weights"),
        (lambda: [torch.zeros(1)], r"holds no weights"),
        (
            lambda: torchvision.models.resnet50().state_dict(),
            r"another size than ResNet: size mismatch",
        ),
    ],
)
def test_what_does_not_fit_is_refused(content, message, tmp_path: Path) -> None:
    if message is None:  # every tensor of a ResNet-18 is in it: more layers do not hurt the shapes
        with pytest.raises(
            CheckpointError, match=r"does not fill ResNet: layer1\.2\.conv1\.weight"
        ):
            start_from(
                torchvision.models.resnet18().state_dict(), build(RESNET, depth=34), tmp_path
            )
        return
    with pytest.raises(CheckpointError, match=message):
        start_from(content(), build(RESNET), tmp_path)


def test_a_vit_with_registers_is_refused(tmp_path: Path) -> None:
    weights = official_vit_weights(layer_scale=True) | {"register_tokens": torch.zeros(1, 4, 24)}
    with pytest.raises(CheckpointError, match=r"register_tokens.*use TimmBackbone"):
        start_from(weights, build(VIT, layer_scale_init_value=1e-5), tmp_path)


def test_layer_scale_that_the_model_lacks_is_reported() -> None:
    report, _ = load_weights(build(VIT), official_vit_weights(layer_scale=True), "dinov2.pth")
    assert "not used: mask_token" in report


def test_weights_are_found_beside_other_content() -> None:
    tensors = {"module.a": torch.ones(1), "step": 3}
    for content in (
        tensors,
        {"epoch": 1, "net_state": tensors},
        {"meta": {}, "state_dict": tensors},
    ):
        assert list(weights_in(content, "x")) == ["a"]
