"""Weights of other projects under the names that geoloc's models use."""

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from geoloc.errors import CheckpointError

Weights = dict[str, Tensor]

WEIGHT_KEYS = ("state_dict", "net_state", "model")
GEOCLIP_UNUSED = ("backbone.model.text_", "backbone.model.logit_scale")
CLASSIFIERS = ("fc.", "head.", "head_dist.", "mask_token")


@dataclass(frozen=True)
class Naming:
    """How another project names its tensors.

    Attributes:
        signature: A name that only this naming has.
        rules: Regular expression and replacement, applied to every name in turn.
    """

    signature: str
    rules: tuple[tuple[str, str], ...]

    def fits(self, weights: Mapping[str, Any]) -> bool:
        """Tell whether ``weights`` are named so."""
        return self.signature in weights

    def rename(self, weights: Weights) -> Weights:
        """Return the tensors under geoloc's names."""
        return {self._renamed(name): tensor for name, tensor in weights.items()}

    def _renamed(self, name: str) -> str:
        for pattern, replacement in self.rules:
            name = re.sub(pattern, replacement, name)
        return name


# RetrievalNet of HAPPIER, RetrievalNet_two of DyCL: the children of torchvision's ResNet before
# the pooling, in a Sequential.
OFFICIAL_RETRIEVER = Naming(
    "backbone.0.weight",
    (
        (r"^backbone\.0\.", "backbone.conv1."),
        (r"^backbone\.1\.", "backbone.bn1."),
        (r"^backbone\.4\.", "backbone.layer1."),
        (r"^backbone\.5\.", "backbone.layer2."),
        (r"^backbone\.6\.", "backbone.layer3."),
        (r"^backbone\.7\.", "backbone.layer4."),
        (r"^fc\.", "head.fc."),
    ),
)
# The official GeoCLIP; its location encoder has our names.
GEOCLIP = Naming(
    "location_encoder.LocEnc0.capsule.0.b",
    (
        (r"^image_encoder\.mlp\.", "head.mlp."),
        (r"^image_encoder\.CLIP\.", "backbone.model."),
        (r"^gps_queue$", "queue.degrees"),
        (r"^gps_queue_ptr$", "queue.pointer"),
    ),
)
# The files of its release (recalled), and where in the model their tensors belong.
GEOCLIP_FILES = {
    "location_encoder_weights.pth": "location_encoder.",
    "image_encoder_mlp_weights.pth": "image_encoder.mlp.",
    "logit_scale_weights.pth": "logit_scale",
}
# ViT of timm and of DINOv2's own releases -> mmpretrain.VisionTransformer
TIMM_VIT = Naming(
    "blocks.0.norm1.weight",
    (
        (r"^patch_embed\.proj\.", "patch_embed.projection."),
        (r"^blocks\.(\d+)\.norm([12])\.", r"layers.\1.ln\2."),
        (r"^blocks\.(\d+)\.attn\.", r"layers.\1.attn."),
        (r"^blocks\.(\d+)\.mlp\.fc1\.", r"layers.\1.ffn.layers.0.0."),
        (r"^blocks\.(\d+)\.mlp\.fc2\.", r"layers.\1.ffn.layers.1."),
        (r"^blocks\.(\d+)\.mlp\.(w12|w3)\.", r"layers.\1.ffn.\2."),
        (r"^blocks\.(\d+)\.ls1\.gamma$", r"layers.\1.attn.gamma1.weight"),
        (r"^blocks\.(\d+)\.ls2\.gamma$", r"layers.\1.ffn.gamma2.weight"),
        (r"^norm\.", "ln1."),
    ),
)
TIMM_CONVNEXT = Naming(
    "stages.0.blocks.0.conv_dw.weight",
    (
        (r"^stem\.([01])\.", r"downsample_layers.0.\1."),
        (r"^stages\.(\d+)\.downsample\.([01])\.", r"downsample_layers.\1.\2."),
        (r"^stages\.(\d+)\.blocks\.(\d+)\.conv_dw\.", r"stages.\1.\2.depthwise_conv."),
        (r"^stages\.(\d+)\.blocks\.(\d+)\.mlp\.fc([12])\.", r"stages.\1.\2.pointwise_conv\3."),
        (r"^stages\.(\d+)\.blocks\.(\d+)\.(norm|gamma)", r"stages.\1.\2.\3"),
        (r"^head\.norm\.", "norm3."),
    ),
)
# mmpretrain.ResNet kept torchvision's names, and timm did too.
RESNET = Naming("layer1.0.conv1.weight", ())

BACKBONES_OF = {"torchvision": (RESNET,), "timm": (RESNET, TIMM_VIT, TIMM_CONVNEXT)}


def weights_in(content: Any, source: str) -> Weights:
    """Return the tensors of a checkpoint by name.

    Args:
        content: What the file holds: a state dict, or a dict with one under ``state_dict``
            (mmengine), ``net_state`` (DyCL, HAPPIER) or ``model``.
        source: Name of the file, for the message.

    Raises:
        CheckpointError: If there are none.
    """
    weights: Any = content
    if isinstance(content, Mapping):
        found = (content[key] for key in WEIGHT_KEYS if isinstance(content.get(key), Mapping))
        weights = next(found, content)
    if not isinstance(weights, Mapping) or not any(isinstance(v, Tensor) for v in weights.values()):
        raise CheckpointError(
            f"checkpoint {source} holds no weights: expected tensors by name, or a dict with them "
            f"under one of {', '.join(WEIGHT_KEYS)}"
        )
    return {
        str(name).removeprefix("module."): tensor.detach()
        for name, tensor in weights.items()
        if isinstance(tensor, Tensor)
    }


def fit_names(weights: Weights, expected: Set[str]) -> Weights:
    """Return ``weights`` under the names that most of ``expected`` asks for.

    Args:
        weights: Tensors as another project, mmpretrain or geoloc named them; a backbone may be
            inside a classifier or a retriever.
        expected: The names of the model's own state dict.
    """
    return max(_possible_names(weights), key=lambda named: sum(name in expected for name in named))


def _possible_names(weights: Weights) -> Iterator[Weights]:
    namings = (OFFICIAL_RETRIEVER, GEOCLIP, TIMM_VIT, TIMM_CONVNEXT)
    for named in (weights, *(naming.rename(weights) for naming in namings if naming.fits(weights))):
        yield named
        yield {
            name.removeprefix("backbone."): tensor
            for name, tensor in named.items()
            if name.startswith("backbone.")
        }
        yield {f"timm_model.{name}": tensor for name, tensor in named.items()}


def convert_retriever(content: Any, source: str) -> Weights:
    """Return the weights of an official DyCL or HAPPIER checkpoint as a retriever's state dict.

    Args:
        content: ``{"net_state": ..., "criterion_state": [...]}``. The proxies of the clustering
            loss, if there, become ``losses.clustering.weight``.
        source: Name of the file, for the message.

    Raises:
        CheckpointError: If the file has another layout.
    """
    weights = weights_in(content, source)
    if not OFFICIAL_RETRIEVER.fits(weights):
        raise _other_layout(source, weights, "an official DyCL or HAPPIER checkpoint")
    converted = OFFICIAL_RETRIEVER.rename(weights)
    for state in content.get("criterion_state", []):
        if isinstance(proxies := state.get("super", {}).get("weight"), Tensor):
            converted["losses.clustering.weight"] = proxies.detach()
    return converted


def convert_geoclip(content: Any, source: str) -> Weights:
    """Return the weights of an official GeoCLIP as a state dict of ours.

    Args:
        content: The state dict of the whole network, or the contents of the files of the release by
            name (``GEOCLIP_FILES``). CLIP's text tower is left out.
        source: Name of the file or folder, for the message.

    Raises:
        CheckpointError: If it has another layout.
    """
    if isinstance(content, Mapping) and GEOCLIP_FILES.keys() <= content.keys():
        content = {
            prefix + str(name): tensor
            for file, prefix in GEOCLIP_FILES.items()
            for name, tensor in _named(content[file]).items()
        }
    weights = weights_in(content, source)
    if not GEOCLIP.fits(weights):
        raise _other_layout(source, weights, "an official GeoCLIP")
    converted = {
        name: tensor
        for name, tensor in GEOCLIP.rename(weights).items()
        if not name.startswith(GEOCLIP_UNUSED)
    }
    if (degrees := converted.get("queue.degrees")) is not None:
        converted["queue.degrees"] = degrees.T.double()
        converted["queue.pointer"] = converted["queue.pointer"].reshape(())
    return converted


def _named(content: Any) -> Mapping[str, Any]:
    return {"": content} if isinstance(content, Tensor) else content


def convert_backbone(content: Any, source: str, project: str) -> Weights:
    """Return a classifier's weights as those of an mmpretrain backbone, ``backbone.<name>``.

    Args:
        content: State dict of a ResNet (torchvision, timm), ViT or ConvNeXt (timm, DINOv2).
        source: Name of the file, for the message.
        project: ``torchvision`` or ``timm``.

    Raises:
        CheckpointError: If the file is of another architecture.
    """
    weights = weights_in(content, source)
    for naming in BACKBONES_OF[project]:
        if naming.fits(weights):
            return {
                f"backbone.{name}": tensor
                for name, tensor in naming.rename(weights).items()
                if not name.startswith(CLASSIFIERS)
            }
    known = "ResNet" if project == "torchvision" else "ResNet, ViT or ConvNeXt"
    raise _other_layout(source, weights, f"a {known} in {project}'s layout")


def _other_layout(source: str, weights: Weights, expected: str) -> CheckpointError:
    return CheckpointError(
        f"checkpoint {source} is not {expected}; its tensors are named "
        f"{', '.join([*weights][:3])} ..."
    )
